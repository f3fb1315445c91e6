//! Bytes to preprocessing tokens (phases 1 to 3 of translation), tolerant of anything: no input
//! is an error, an unterminated literal ends with its line, an unterminated comment with the file.
//!
//! Trigraphs and digraphs are not translated; both are absent from code written since 1990.

use std::cell::RefCell;

use banbury_base::Symbol;

use crate::token::{Token, TokenKind};

/// One preprocessing token by position. Its spelling is [`Lexer::spelling`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lexeme {
    pub kind: TokenKind,
    /// White space, a comment or a line end stands before it.
    pub space: bool,
    /// It is the first token of its line, so a `#` starts a directive.
    pub first: bool,
    /// Its text holds a line splice (backslash, newline).
    pub spliced: bool,
    /// Byte offsets into the text.
    pub start: u32,
    pub end: u32,
    /// Starts at 1.
    pub line: u32,
    /// Offset of the first byte of that line.
    pub line_start: u32,
}

impl Lexeme {
    /// Column in bytes, starting at 1, saturating.
    pub fn col(&self) -> u16 {
        (self.start.saturating_sub(self.line_start) + 1).min(u32::from(u16::MAX)) as u16
    }

    /// Length in bytes, saturating.
    pub fn len(&self) -> u16 {
        (self.end - self.start).min(u32::from(u16::MAX)) as u16
    }

    /// Only [`TokenKind::Eof`] has no text.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

const SPACE: u8 = 1;
const NEWLINE: u8 = 2;
const IDENT: u8 = 3;
const DIGIT: u8 = 4;
const QUOTE: u8 = 5;
const SLASH: u8 = 6;
const BACKSLASH: u8 = 7;
const DOT: u8 = 8;
const SINGLE: u8 = 9;
const MULTI: u8 = 10;

/// What a byte may begin. Bytes above 127 belong to identifiers, whatever the encoding.
const CLASS: [u8; 256] = {
    let mut class = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        class[i] = match i as u8 {
            b' ' | b'\t' | b'\r' | 0x0b | 0x0c | 0 => SPACE,
            b'\n' => NEWLINE,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80..=0xff => IDENT,
            b'0'..=b'9' => DIGIT,
            b'"' | b'\'' => QUOTE,
            b'/' => SLASH,
            b'\\' => BACKSLASH,
            b'.' => DOT,
            b'(' | b')' | b'{' | b'}' | b'[' | b']' | b';' | b',' | b'~' | b'?' | b'@' => SINGLE,
            b'-' | b'+' | b'&' | b'*' | b'!' | b'%' | b'<' | b'>' | b'=' | b'^' | b'|' | b':' | b'#' => MULTI,
            _ => 0,
        };
        i += 1;
    }
    class
};

const WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut i = 0;
    while i < 256 {
        word[i] = matches!(CLASS[i], IDENT | DIGIT);
        i += 1;
    }
    word
};

/// A cursor over one text.
#[derive(Clone)]
pub struct Lexer<'a> {
    text: &'a [u8],
    pos: usize,
    line: u32,
    line_start: usize,
    /// C++: raw strings exist.
    cpp: bool,
    first: bool,
}

impl<'a> Lexer<'a> {
    /// At the start of `text`, after a byte order mark. At most 4 GiB are read.
    pub fn new(text: &'a [u8], cpp: bool) -> Lexer<'a> {
        let text = &text[..text.len().min(u32::MAX as usize - 1)];
        let pos = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Lexer { text, pos, line: 1, line_start: 0, cpp, first: true }
    }

    /// At byte `pos` of `text`, which lies on `line`; nothing beyond the end of `text` is read.
    pub fn at(text: &'a [u8], pos: usize, line: u32, cpp: bool) -> Lexer<'a> {
        let pos = pos.min(text.len());
        let line_start = text[..pos].iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1);
        Lexer { text, pos, line, line_start, cpp, first: false }
    }

    /// Byte offset of the next token, or of the white space before it.
    pub fn pos(&self) -> usize {
        self.pos
    }

    pub(crate) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Goes on at `pos`, further on the same line.
    pub(crate) fn jump_within_line(&mut self, pos: usize) {
        self.pos = pos.min(self.text.len());
    }

    /// Line of [`Lexer::pos`].
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Goes on at `pos`, the first byte of `line`.
    pub fn jump(&mut self, pos: usize, line: u32) {
        self.pos = pos.min(self.text.len());
        self.line = line;
        self.line_start = self.pos;
        self.first = true;
    }

    fn byte(&self, pos: usize) -> u8 {
        self.text.get(pos).copied().unwrap_or(0)
    }

    /// Length of a line splice at `pos`: backslash, optional carriage return, newline.
    fn splice(&self, pos: usize) -> usize {
        if self.byte(pos) != b'\\' {
            return 0;
        }
        match self.byte(pos + 1) {
            b'\n' => 2,
            b'\r' if self.byte(pos + 2) == b'\n' => 3,
            _ => 0,
        }
    }

    fn newline_before(&mut self, pos: usize) {
        self.line += 1;
        self.line_start = pos;
    }

    /// The next token; at the end [`TokenKind::Eof`], again and again.
    #[inline]
    pub fn next_token(&mut self) -> Lexeme {
        let mut space = false;
        while let Some(&byte) = self.text.get(self.pos) {
            match CLASS[byte as usize] {
                SPACE => {
                    self.pos += 1;
                    space = true;
                }
                NEWLINE => {
                    self.pos += 1;
                    self.newline_before(self.pos);
                    self.first = true;
                    space = true;
                }
                IDENT | DIGIT => return self.word(byte, space),
                SINGLE => return self.finish(single(byte), self.pos + 1, space),
                SLASH if self.skip_comment() => space = true,
                BACKSLASH if self.splice(self.pos) > 0 => {
                    self.pos += self.splice(self.pos);
                    self.newline_before(self.pos);
                    space = true;
                }
                _ => return self.rest(byte, space),
            }
        }
        self.finish(TokenKind::Eof, self.pos, space)
    }

    #[inline]
    fn finish(&mut self, kind: TokenKind, end: usize, space: bool) -> Lexeme {
        let end = end.min(self.text.len());
        let lexeme = Lexeme {
            kind,
            space,
            first: self.first,
            spliced: false,
            start: self.pos as u32,
            end: end as u32,
            line: self.line,
            line_start: self.line_start as u32,
        };
        self.pos = end;
        self.first = false;
        lexeme
    }

    #[inline]
    fn word(&mut self, byte: u8, space: bool) -> Lexeme {
        let number = CLASS[byte as usize] == DIGIT;
        let mut end = self.pos + 1;
        if number {
            return self.number(space);
        }
        while let Some(&b) = self.text.get(end) {
            if !WORD[b as usize] {
                break;
            }
            end += 1;
        }
        match self.byte(end) {
            b'"' | b'\'' if end - self.pos <= 3 => {
                if let Some(lexeme) = self.prefixed(end, space) {
                    return lexeme;
                }
            }
            b'\\' if self.splice(end) > 0 => return self.spliced_word(TokenKind::Ident, space),
            _ => {}
        }
        self.finish(TokenKind::Ident, end, space)
    }

    /// A string or character constant with an encoding prefix that ends at `quote`.
    fn prefixed(&mut self, quote: usize, space: bool) -> Option<Lexeme> {
        match &self.text[self.pos..quote] {
            b"L" | b"u" | b"U" | b"u8" => Some(self.literal(quote, space)),
            b"R" | b"LR" | b"uR" | b"UR" | b"u8R" if self.cpp && self.byte(quote) == b'"' => {
                Some(self.raw_string(quote, space))
            }
            _ => None,
        }
    }

    fn number(&mut self, space: bool) -> Lexeme {
        let mut end = self.pos + 1;
        loop {
            let b = self.byte(end);
            if WORD[b as usize] || b == b'.' {
                end += 1;
            } else if (b == b'+' || b == b'-') && matches!(self.byte(end - 1) | 0x20, b'e' | b'p') {
                // `0xe+1` is one preprocessing number in C, yet nobody means that.
                if matches!(self.byte(self.pos + 1), b'x' | b'X') && self.byte(end - 1) | 0x20 == b'e' {
                    break;
                }
                end += 1;
            } else if b == b'\'' && self.cpp && WORD[self.byte(end + 1) as usize] {
                end += 2;
            } else {
                break;
            }
        }
        if self.splice(end) > 0 {
            return self.spliced_word(TokenKind::Number, space);
        }
        self.finish(TokenKind::Number, end, space)
    }

    /// A word that goes on after a line splice.
    fn spliced_word(&mut self, kind: TokenKind, space: bool) -> Lexeme {
        let (line, line_start) = (self.line, self.line_start);
        let mut end = self.pos;
        let mut last = self.pos;
        loop {
            let b = self.byte(end);
            let splice = self.splice(end);
            if WORD[b as usize] || (b == b'.' && kind == TokenKind::Number) {
                end += 1;
                last = end;
            } else if splice > 0 {
                end += splice;
            } else {
                break;
            }
        }
        let newlines = count_newlines(&self.text[self.pos..last]);
        let mut lexeme = self.finish(kind, last, space);
        lexeme.spliced = newlines > 0;
        lexeme.line = line;
        lexeme.line_start = line_start as u32;
        self.advance_lines(lexeme.start as usize, last);
        lexeme
    }

    /// Counts the line ends of a token that spans lines.
    fn advance_lines(&mut self, start: usize, end: usize) {
        let text = &self.text[start..end];
        if let Some(last) = text.iter().rposition(|&b| b == b'\n') {
            self.line += count_newlines(text);
            self.line_start = start + last + 1;
        }
    }

    /// A string or character constant whose opening quote is at `quote`.
    fn literal(&mut self, quote: usize, space: bool) -> Lexeme {
        let close = self.byte(quote);
        let kind = if close == b'"' { TokenKind::Str } else { TokenKind::Char };
        let mut end = quote + 1;
        let mut spliced = false;
        while let Some(&b) = self.text.get(end) {
            if b == close {
                end += 1;
                break;
            }
            match b {
                b'\\' => {
                    let splice = self.splice(end);
                    spliced |= splice > 0;
                    end += if splice > 0 { splice } else { 2 };
                }
                b'\n' => break,
                _ => end += 1,
            }
        }
        let mut end = end.min(self.text.len());
        if self.text[end - 1] == b'\r' && self.byte(end) == b'\n' && end - 1 > quote {
            end -= 1;
        }
        let (start, line, line_start) = (self.pos, self.line, self.line_start);
        let mut lexeme = self.finish(kind, end, space);
        if spliced {
            lexeme.spliced = true;
            lexeme.line = line;
            lexeme.line_start = line_start as u32;
            self.advance_lines(start, end);
        }
        lexeme
    }

    /// `R"tag(...)tag"`, whose opening quote is at `quote`. Its text keeps all newlines.
    fn raw_string(&mut self, quote: usize, space: bool) -> Lexeme {
        let rest = &self.text[quote + 1..];
        let Some(open) = rest.iter().take(17).position(|&b| b == b'(') else {
            return self.literal(quote, space);
        };
        let mut close = Vec::with_capacity(open + 2);
        close.push(b')');
        close.extend_from_slice(&rest[..open]);
        close.push(b'"');
        let found = rest.windows(close.len()).position(|w| w == close.as_slice());
        let end = found.map_or(self.text.len(), |at| quote + 1 + at + close.len());
        let (start, line, line_start) = (self.pos, self.line, self.line_start);
        let mut lexeme = self.finish(TokenKind::Str, end, space);
        lexeme.line = line;
        lexeme.line_start = line_start as u32;
        self.advance_lines(start, end);
        lexeme
    }

    /// Skips a comment if the slash here begins one.
    fn skip_comment(&mut self) -> bool {
        match self.byte(self.pos + 1) {
            b'/' => {
                self.pos = self.line_comment_end(self.pos + 2);
                true
            }
            b'*' => {
                self.skip_block_comment();
                true
            }
            _ => false,
        }
    }

    /// The line end that ends a `//` comment. Counts the splices in it.
    fn line_comment_end(&mut self, mut pos: usize) -> usize {
        loop {
            let Some(at) = find(self.text, pos, b'\n') else { return self.text.len() };
            let before = &self.text[pos..at];
            let continued = before.ends_with(b"\\") || before.ends_with(b"\\\r");
            if !continued {
                return at;
            }
            pos = at + 1;
            self.newline_before(pos);
        }
    }

    fn skip_block_comment(&mut self) {
        let mut pos = self.pos + 2;
        loop {
            match self.text.get(pos) {
                None => break,
                Some(b'*') if self.byte(pos + 1) == b'/' => {
                    pos += 2;
                    break;
                }
                Some(b'\n') => {
                    pos += 1;
                    self.newline_before(pos);
                }
                Some(_) => pos += 1,
            }
        }
        self.pos = pos;
    }

    fn rest(&mut self, byte: u8, space: bool) -> Lexeme {
        match CLASS[byte as usize] {
            QUOTE => self.literal(self.pos, space),
            DOT if CLASS[self.byte(self.pos + 1) as usize] == DIGIT => self.number(space),
            _ => {
                let (kind, len) = self.punctuation(byte);
                self.finish(kind, self.pos + len, space)
            }
        }
    }

    fn punctuation(&self, byte: u8) -> (TokenKind, usize) {
        use TokenKind::*;
        let next = self.byte(self.pos + 1);
        let third = self.byte(self.pos + 2);
        match (byte, next, third) {
            (b'.', b'.', b'.') => (Ellipsis, 3),
            (b'<', b'<', b'=') => (ShlEq, 3),
            (b'>', b'>', b'=') => (ShrEq, 3),
            (b'.', ..) => (Dot, 1),
            (b'-', b'>', _) => (Arrow, 2),
            (b'-', b'-', _) => (MinusMinus, 2),
            (b'-', b'=', _) => (MinusEq, 2),
            (b'-', ..) => (Minus, 1),
            (b'+', b'+', _) => (PlusPlus, 2),
            (b'+', b'=', _) => (PlusEq, 2),
            (b'+', ..) => (Plus, 1),
            (b'&', b'&', _) => (AmpAmp, 2),
            (b'&', b'=', _) => (AmpEq, 2),
            (b'&', ..) => (Amp, 1),
            (b'*', b'=', _) => (StarEq, 2),
            (b'*', ..) => (Star, 1),
            (b'!', b'=', _) => (Ne, 2),
            (b'!', ..) => (Bang, 1),
            (b'/', b'=', _) => (SlashEq, 2),
            (b'/', ..) => (Slash, 1),
            (b'%', b'=', _) => (PercentEq, 2),
            (b'%', ..) => (Percent, 1),
            (b'<', b'<', _) => (Shl, 2),
            (b'<', b'=', _) => (Le, 2),
            (b'<', ..) => (Lt, 1),
            (b'>', b'>', _) => (Shr, 2),
            (b'>', b'=', _) => (Ge, 2),
            (b'>', ..) => (Gt, 1),
            (b'=', b'=', _) => (EqEq, 2),
            (b'=', ..) => (Eq, 1),
            (b'^', b'=', _) => (CaretEq, 2),
            (b'^', ..) => (Caret, 1),
            (b'|', b'|', _) => (PipePipe, 2),
            (b'|', b'=', _) => (PipeEq, 2),
            (b'|', ..) => (Pipe, 1),
            (b':', b':', _) if self.cpp => (ColonColon, 2),
            (b':', ..) => (Colon, 1),
            (b'#', b'#', _) => (HashHash, 2),
            (b'#', ..) => (Hash, 1),
            (b'\\', ..) => (Backslash, 1),
            _ => (Other, 1),
        }
    }

    /// The token's text as written, including splices.
    #[inline]
    pub fn raw(&self, lexeme: &Lexeme) -> &'a [u8] {
        self.text.get(lexeme.start as usize..lexeme.end as usize).unwrap_or(&[])
    }

    /// Interned text of an identifier, literal or stray byte, without splices; empty for
    /// punctuation.
    #[inline]
    pub fn spelling(&self, lexeme: &Lexeme) -> Symbol {
        match lexeme.kind {
            TokenKind::Ident | TokenKind::Number | TokenKind::Str | TokenKind::Char | TokenKind::Other => {
                let raw = self.raw(lexeme);
                if lexeme.spliced { intern(&without_splices(raw)) } else { intern(raw) }
            }
            _ => Symbol::EMPTY,
        }
    }

    /// As [`Token`], not out of a macro.
    pub fn token(&self, lexeme: &Lexeme) -> Token {
        Token {
            kind: lexeme.kind,
            text: self.spelling(lexeme),
            line: lexeme.line,
            col: lexeme.col(),
            len: lexeme.len(),
            in_macro: Symbol::EMPTY,
        }
    }

    /// Skips to the end of the directive that the cursor is in: the next line end that is not
    /// spliced and not in a block comment. The cursor is then on that line end.
    pub fn skip_directive(&mut self) {
        while let Some(&b) = self.text.get(self.pos) {
            match b {
                b'\n' => return,
                b'\\' => {
                    let splice = self.splice(self.pos);
                    self.pos += splice.max(1);
                    if splice > 0 {
                        self.newline_before(self.pos);
                    }
                }
                b'/' => {
                    if !self.skip_comment() {
                        self.pos += 1;
                    }
                }
                b'"' | b'\'' => {
                    self.literal(self.pos, false);
                }
                _ => self.pos += 1,
            }
        }
    }
}

fn single(byte: u8) -> TokenKind {
    use TokenKind::*;
    match byte {
        b'(' => LParen,
        b')' => RParen,
        b'{' => LBrace,
        b'}' => RBrace,
        b'[' => LBracket,
        b']' => RBracket,
        b';' => Semi,
        b',' => Comma,
        b'~' => Tilde,
        b'?' => Question,
        _ => At,
    }
}

fn count_newlines(text: &[u8]) -> u32 {
    text.iter().filter(|&&b| b == b'\n').count() as u32
}

fn find(text: &[u8], from: usize, byte: u8) -> Option<usize> {
    text.get(from..)?.iter().position(|&b| b == byte).map(|at| from + at)
}

fn without_splices(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut i = 0;
    while i < raw.len() {
        if raw[i..].starts_with(b"\\\n") {
            i += 2;
        } else if raw[i..].starts_with(b"\\\r\n") {
            i += 3;
        } else {
            out.push(raw[i]);
            i += 1;
        }
    }
    out
}

const CACHE_BITS: u32 = 12;

thread_local! {
    /// Symbols of recent short texts, by their bytes: most words of a file are few and short.
    static CACHE: RefCell<Vec<([u64; 2], Symbol)>> =
        RefCell::new(vec![([0; 2], Symbol::EMPTY); 1 << CACHE_BITS]);
}

/// Text that is not UTF-8 is taken as Latin-1.
pub(crate) fn intern(raw: &[u8]) -> Symbol {
    if raw.len() > 16 || raw.contains(&0) {
        return intern_long(raw);
    }
    let mut bytes = [0u8; 16];
    bytes[..raw.len()].copy_from_slice(raw);
    let word = u128::from_le_bytes(bytes);
    let key = [word as u64, (word >> 64) as u64];
    let hash = (key[0] ^ key[1].rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    CACHE.with_borrow_mut(|cache| {
        let slot = &mut cache[(hash >> (64 - CACHE_BITS)) as usize];
        if slot.0 != key {
            *slot = (key, intern_long(raw));
        }
        slot.1
    })
}

fn intern_long(raw: &[u8]) -> Symbol {
    match std::str::from_utf8(raw) {
        Ok(text) => Symbol::new(text),
        Err(_) => Symbol::new(&raw.iter().map(|&b| char::from(b)).collect::<String>()),
    }
}

/// All tokens of `text`, directives and all, ending with [`TokenKind::Eof`].
pub fn tokenize(text: &[u8], cpp: bool) -> Vec<Token> {
    let mut lexer = Lexer::new(text, cpp);
    let mut tokens = Vec::with_capacity(text.len() / 6 + 1);
    loop {
        let lexeme = lexer.next_token();
        tokens.push(lexer.token(&lexeme));
        if lexeme.kind == TokenKind::Eof {
            return tokens;
        }
    }
}

/// The characters of a punctuation token; empty for tokens that have a text.
pub(crate) fn punctuation_text(kind: TokenKind) -> &'static str {
    use TokenKind::*;
    match kind {
        Ident | Number | Str | Char | Other | Eof => "",
        LParen => "(",
        RParen => ")",
        LBrace => "{",
        RBrace => "}",
        LBracket => "[",
        RBracket => "]",
        Semi => ";",
        Comma => ",",
        Dot => ".",
        Ellipsis => "...",
        Arrow => "->",
        PlusPlus => "++",
        MinusMinus => "--",
        Amp => "&",
        AmpAmp => "&&",
        Star => "*",
        Plus => "+",
        Minus => "-",
        Tilde => "~",
        Bang => "!",
        Slash => "/",
        Percent => "%",
        Shl => "<<",
        Shr => ">>",
        Lt => "<",
        Gt => ">",
        Le => "<=",
        Ge => ">=",
        EqEq => "==",
        Ne => "!=",
        Caret => "^",
        Pipe => "|",
        PipePipe => "||",
        Question => "?",
        Colon => ":",
        ColonColon => "::",
        Eq => "=",
        StarEq => "*=",
        SlashEq => "/=",
        PercentEq => "%=",
        PlusEq => "+=",
        MinusEq => "-=",
        ShlEq => "<<=",
        ShrEq => ">>=",
        AmpEq => "&=",
        CaretEq => "^=",
        PipeEq => "|=",
        Hash => "#",
        HashHash => "##",
        At => "@",
        Backslash => "\\",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexemes(text: &[u8], cpp: bool) -> Vec<Lexeme> {
        let mut lexer = Lexer::new(text, cpp);
        let mut out = Vec::new();
        loop {
            let lexeme = lexer.next_token();
            out.push(lexeme);
            if lexeme.kind == TokenKind::Eof {
                return out;
            }
        }
    }

    fn texts(text: &str, cpp: bool) -> Vec<String> {
        let spelled = |t: &Token| if t.text.is_empty() { punctuation_text(t.kind) } else { t.text.as_str() };
        let mut all: Vec<String> =
            tokenize(text.as_bytes(), cpp).iter().map(|t| spelled(t).to_owned()).collect();
        all.pop();
        all
    }

    #[test]
    fn tokens() {
        let table: &[(&str, &[&str])] = &[
            ("a+++b", &["a", "++", "+", "b"]),
            ("x->y.z...", &["x", "->", "y", ".", "z", "..."]),
            ("a<<=b>>=c<=d", &["a", "<<=", "b", ">>=", "c", "<=", "d"]),
            ("0x1fUL 1.5e-3f .5 1e+5 08 0xe+1", &["0x1fUL", "1.5e-3f", ".5", "1e+5", "08", "0xe", "+", "1"]),
            ("L\"w\" u8\"x\" 'a' L'\\'' \"a\\\"b\"", &["L\"w\"", "u8\"x\"", "'a'", "L'\\''", "\"a\\\"b\""]),
            ("a/*b*/c//d\ne", &["a", "c", "e"]),
            ("a // b \\\nc\nd", &["a", "d"]),
            ("na\\\nme 1\\\r\n2 \"s\\\nt\"", &["name", "12", "\"st\""]),
            ("\"open\nx 'y\nz", &["\"open", "x", "'y", "z"]),
            ("x /* open", &["x"]),
            ("a::b", &["a", ":", ":", "b"]),
            ("R\"(x)\"", &["R", "\"(x)\""]),
            ("\u{feff}x $y é `", &["x", "$y", "é", "`"]),
            ("a\0b \\ @", &["a", "b", "\\", "@"]),
        ];
        for (text, expected) in table {
            assert_eq!(texts(text, false), *expected, "for {text:?}");
        }
        assert_eq!(texts("a::b R\"x(\n)\")x\" 1'000", true), ["a", "::", "b", "R\"x(\n)\")x\"", "1'000"]);
    }

    #[test]
    fn bytes_that_are_not_utf8_become_latin_1() {
        assert_eq!(tokenize(b"\"\xe9\"", false)[0].text, "\"é\"");
    }

    #[test]
    fn lines_and_columns() {
        let places: Vec<(u32, u16)> = tokenize(b"a\r\n  b /* \n */ c\\\nd \"x\\\ny\" e\nf", false)
            .iter()
            .map(|t| (t.line, t.col))
            .collect();
        assert_eq!(places, [(1, 1), (2, 3), (3, 5), (4, 3), (5, 4), (6, 1), (6, 2)]);
    }

    #[test]
    fn a_hash_after_a_comment_begins_a_directive() {
        let found = lexemes(b"/* x */ # a\nb # c", false);
        assert!(found[0].first && found[2].first && !found[3].first);
    }

    /// Any bytes: no panic, tokens in order and apart, lines as many as line ends.
    #[test]
    fn any_bytes() {
        const ALPHABET: &[u8] = b"ab1R\"\"''\\\\\n\n\r/**/#<>(){}.;= \t\0\xff\xc3u8L:e+-";
        let mut state = 0x2545_f491_4f6c_dd1du64;
        for round in 0..3000 {
            let bytes: Vec<u8> = (0..round % 97)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    ALPHABET[(state >> 33) as usize % ALPHABET.len()]
                })
                .collect();
            for cpp in [false, true] {
                check_order(&bytes, cpp);
            }
        }
    }

    fn check_order(bytes: &[u8], cpp: bool) {
        let found = lexemes(bytes, cpp);
        for pair in found.windows(2) {
            assert!(pair[0].end <= pair[1].start && pair[0].start < pair[0].end, "{bytes:?}");
            assert!((pair[0].line, pair[0].col()) < (pair[1].line, pair[1].col()), "{bytes:?}");
        }
        let last = found.last().expect("the end is a token");
        assert_eq!(last.line as usize, 1 + bytes.iter().filter(|&&b| b == b'\n').count(), "{bytes:?}");
    }
}
