"""What Klaviyo suffers from: by name, as answers, at the press of a button."""
