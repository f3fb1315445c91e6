use std::io::Read;

use super::{Importer, Severity};
use crate::inventory::TableId;

impl Importer {
    /// Reads one table from comma-separated values with a header line (RFC 4180, UTF-8).
    /// `file` is the name that problems are reported under.
    pub fn csv(&mut self, table: TableId, file: &str, reader: impl Read) {
        let file = self.file(file);
        self.seen[table as usize] = true;
        let mut reader =
            ::csv::ReaderBuilder::new().flexible(true).buffer_capacity(1 << 18).from_reader(reader);
        let headers = match reader.headers() {
            Ok(headers) => headers.clone(),
            Err(error) => {
                let message = format!("the header cannot be read: {error}");
                self.problem(
                    Severity::Error,
                    file,
                    1,
                    message,
                    "write the file as UTF-8 text with a header line",
                );
                return;
            }
        };
        // The reader counts lines at line feeds and ends a record at the carriage return before it:
        // in files with both, every record after the header seems to begin one line early.
        let late = u64::from(reader.position().line() == 1);
        let columns = table.columns();
        let mut at = vec![usize::MAX; columns.len()];
        for (index, header) in headers.iter().enumerate() {
            let name = header.trim().to_ascii_lowercase().replace([' ', '-'], "_");
            match columns.iter().position(|c| c.name == name) {
                Some(column) if at[column] == usize::MAX => at[column] = index,
                Some(_) => {
                    let message = format!("the column `{name}` is given twice");
                    self.problem(Severity::Error, file, 1, message, "remove one of them");
                }
                None => {
                    let message =
                        format!("the column `{}` is not understood and was left out", shown(header));
                    self.problem(
                        Severity::Warning,
                        file,
                        1,
                        message,
                        "`banbury network schema` lists the columns",
                    );
                }
            }
        }
        let present: Vec<bool> = at.iter().map(|&i| i != usize::MAX).collect();
        if !self.check_columns(table, file, &present) {
            return;
        }
        let mut record = ::csv::StringRecord::new();
        loop {
            let line = (reader.position().line() + late).min(u64::from(u32::MAX)) as u32;
            match reader.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {}
                Err(error) => {
                    let message = format!("the row cannot be read: {error}");
                    self.problem(Severity::Error, file, line, message, "write the file as UTF-8 text");
                    if !matches!(error.kind(), ::csv::ErrorKind::Utf8 { .. }) {
                        self.refused[table as usize] = true;
                        return;
                    }
                    continue;
                }
            }
            let line = record.position().map_or(line, |p| (p.line() + late).min(u64::from(u32::MAX)) as u32);
            if record.len() != headers.len() {
                let message = format!("the row has {} cells, the header {}", record.len(), headers.len());
                self.problem(
                    Severity::Error,
                    file,
                    line,
                    message,
                    "put cells that hold commas between quotes",
                );
                *self.report.rows.entry(table.name()).or_default() += 1;
                *self.report.skipped.entry(table.name()).or_default() += 1;
                continue;
            }
            let mut cells = [""; 32];
            for (cell, &index) in cells.iter_mut().zip(&at) {
                *cell = record.get(index).unwrap_or("");
            }
            self.row(table, &cells[..columns.len()], file, line);
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}
