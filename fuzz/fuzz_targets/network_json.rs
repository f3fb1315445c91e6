//! A JSON table of any bytes gives an inventory or a report.

#![no_main]

use banbury_network::{Importer, TableId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let table = TableId::ALL[usize::from(first) % TableId::ALL.len()];
    let mut importer = Importer::new();
    importer.json(table, "fuzz.json", rest);
    importer.finish(true);
});
