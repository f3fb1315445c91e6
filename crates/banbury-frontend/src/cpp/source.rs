//! The text that tree-sitter reads, and the way back from its positions to the file's.

use banbury_base::{FileId, Span, Symbol};
use tree_sitter::{Node, Point};

/// Where a row of the text stands in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub line: u32,
    pub col: u16,
    /// Bytes to underline, for a token out of a macro.
    pub len: u16,
    pub in_macro: Symbol,
}

/// Text with its positions.
pub(super) struct Source {
    pub file: FileId,
    pub text: Vec<u8>,
    /// Empty if the rows of the text are the lines of the file.
    pub rows: Vec<Row>,
    /// Pointer levels that were taken out of `new T *[n]` (which the grammar does not know), by
    /// the byte offset of `new`; ascending.
    pub new_stars: Vec<(u32, u8)>,
}

impl Source {
    /// The bytes of a node as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self, node: Node<'_>) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(node))
    }

    pub fn bytes(&self, node: Node<'_>) -> &[u8] {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    pub fn symbol(&self, node: Node<'_>) -> Symbol {
        match std::str::from_utf8(self.bytes(node)) {
            Ok(text) => Symbol::new(text),
            Err(_) => Symbol::new(&self.text(node)),
        }
    }

    /// First line of the node, as far as it goes.
    pub fn span(&self, node: Node<'_>) -> Span {
        let (start, end) = (node.start_position(), node.end_position());
        let len = if start.row == end.row {
            end.column.saturating_sub(start.column)
        } else {
            let rest = self.text.get(node.byte_range()).unwrap_or_default();
            rest.iter().take(200).position(|&b| b == b'\n').unwrap_or(0)
        };
        self.span_at(start, len)
    }

    fn span_at(&self, at: Point, len: usize) -> Span {
        let clamp = |v: usize| u32::try_from(v).unwrap_or(u32::MAX);
        if self.rows.is_empty() {
            return Span::new(self.file, clamp(at.row + 1), clamp(at.column + 1), clamp(len));
        }
        let Some(row) = self.rows.get(at.row).or(self.rows.last()) else { return Span::NONE };
        if row.in_macro.is_empty() {
            let col = u32::from(row.col).saturating_add(clamp(at.column));
            Span::new(self.file, row.line, col, clamp(len))
        } else {
            Span { file: self.file, line: row.line, col: row.col, len: row.len }
        }
    }

    /// Line of the node's last byte.
    pub fn end_line(&self, node: Node<'_>) -> u32 {
        let mut end = node.end_position();
        if end.column == 0 && end.row > 0 {
            end.row -= 1;
        }
        self.span_at(end, 0).line
    }

    pub fn in_macro(&self, node: Node<'_>) -> Symbol {
        if self.rows.is_empty() {
            return Symbol::EMPTY;
        }
        self.rows.get(node.start_position().row).map_or(Symbol::EMPTY, |row| row.in_macro)
    }

    /// Pointer levels to put back at this `new`.
    pub fn stars_at(&self, node: Node<'_>) -> u8 {
        let at = node.start_byte() as u32;
        let found = self.new_stars.binary_search_by_key(&at, |&(offset, _)| offset);
        found.map_or(0, |i| self.new_stars[i].1)
    }
}
