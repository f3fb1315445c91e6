//! A topology of any bytes gives an inventory or a report.

#![no_main]

use banbury_network::Importer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut importer = Importer::new();
    importer.rfc8345("fuzz.json", bytes);
    importer.finish(true);
});
