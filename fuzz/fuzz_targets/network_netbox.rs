//! Pages of NetBox of any bytes give an inventory or a report.

#![no_main]

use banbury_network::{Importer, Mapping};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mapping = Mapping::parse(include_str!("../../controls/netbox.toml")).expect("the shipped mapping");
    let Some((&first, rest)) = bytes.split_first() else { return };
    let source = &mapping.sources[usize::from(first) % mapping.sources.len()];
    let mut importer = Importer::new();
    importer.netbox(source, "fuzz.json", rest);
    importer.finish(true);
});
