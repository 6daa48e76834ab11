"""What people read, in their language: pages, lists and notifications share these words. Topics hold none of them."""
