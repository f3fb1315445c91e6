//! One program for all tests: it links once.

mod common;
mod crash;
mod duties;
mod tampering;
