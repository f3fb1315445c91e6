//! Model files are written by users: any bytes give models or an error.

#![no_main]

use banbury_dataflow::models::Models;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut models = Models::default();
    if models.add_toml("fuzz.toml", text).is_err() {
        assert!(models.functions.is_empty() && models.received_types.is_empty());
    }
});
