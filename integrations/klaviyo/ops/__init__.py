"""How the work for Klaviyo is going, for those who run Junocal."""
