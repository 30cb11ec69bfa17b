"""What a fitted model says: risks, margins and contrasts."""
