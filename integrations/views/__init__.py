"""One function per page, per card and per button; each translates in, calls one service, translates out."""
