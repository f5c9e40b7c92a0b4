//! The doctor: looks at everything that ChiliView keeps, says what is wrong, and mends what can be mended.
