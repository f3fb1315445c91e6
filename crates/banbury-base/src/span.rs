use serde::{Deserialize, Serialize};

/// A file of the release under review: an index into the manifest, which is sorted by path.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct FileId(pub u32);

impl FileId {
    /// Text that no file of the release holds (built-in declarations, synthesised code).
    pub const NONE: FileId = FileId(u32::MAX);

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A place in a source file. `line` and `col` start at 1; `len` is the number of bytes to
/// underline on that line and may be 0. A span never covers more than one line: where a
/// construct is longer, the span is that of its defining token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Deserialize)]
pub struct Span {
    pub file: FileId,
    pub line: u32,
    pub col: u16,
    pub len: u16,
}

impl Span {
    pub const NONE: Span = Span { file: FileId::NONE, line: 0, col: 0, len: 0 };

    pub fn new(file: FileId, line: u32, col: u32, len: u32) -> Span {
        let clamp = |v: u32| v.min(u32::from(u16::MAX)) as u16;
        Span { file, line, col: clamp(col), len: clamp(len) }
    }

    pub fn is_none(self) -> bool {
        self.line == 0
    }
}

impl Default for Span {
    fn default() -> Self {
        Span::NONE
    }
}
