//! Architecture checks.
