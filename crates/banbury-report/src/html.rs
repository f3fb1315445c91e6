use std::io::{self, Write};

use crate::Report;

/// Writes one self-contained page.
pub fn write_html(_report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<!doctype html>")
}
