//! The server over real HTTP, with a real centre behind it.

mod common;
mod forgery;
mod journeys;
mod load;
mod matrix;
mod sessions;
mod uploads;
