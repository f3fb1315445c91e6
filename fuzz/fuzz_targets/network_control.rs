//! Control, test, mapping and plan files of any text are understood or refused with a message.

#![no_main]

use banbury_network::{Control, ControlTests, Mapping, PlanSettings, Regime};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for error in [
        Control::parse(text).err(),
        ControlTests::parse(text).err(),
        Regime::parse(text).err(),
        Mapping::parse(text).err(),
        PlanSettings::parse(text).err(),
    ] {
        assert!(error.is_none_or(|e| !e.is_empty()));
    }
});
