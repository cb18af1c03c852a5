"""What client pages show of Klaviyo."""
