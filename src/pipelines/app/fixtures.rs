//! Models and requirements of several domains.
