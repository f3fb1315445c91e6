//! Preprocessed tokens written out for tree-sitter, one run of adjoining tokens a row, so that
//! a row number leads back to the file.

use banbury_base::FileId;

use super::literals;
use super::source::{Row, Source};
use crate::token::{Token, TokenKind};

/// Tokens that stood next to each other share a row (`operator()`, `[[`, `"x"sv` fall apart
/// otherwise); every other token begins one. What the grammar has no rule for is written in a
/// way that it has one for.
pub(super) fn render(file: FileId, tokens: &[Token]) -> Source {
    let mut out = Writer {
        text: Vec::with_capacity(tokens.len() * 6),
        rows: Vec::new(),
        before: None,
        new_stars: Vec::new(),
    };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let rest = &tokens[at + 1..];
        at += 1;
        match token.kind {
            TokenKind::Ident => at += out.word(token, at.checked_sub(2).map(|b| tokens[b].kind), rest),
            // `object->*member` goes the way of `object.*member`.
            TokenKind::Arrow if kind(rest, 0) == Some(TokenKind::Star) => {
                out.replaced(token, ".*");
                at += 1;
            }
            // `{ .field{value} }` lacks its `=`.
            TokenKind::LBrace
                if at >= 4
                    && tokens[at - 2].kind == TokenKind::Ident
                    && tokens[at - 3].kind == TokenKind::Dot
                    && matches!(tokens[at - 4].kind, TokenKind::LBrace | TokenKind::Comma) =>
            {
                out.replaced(token, "= {");
            }
            // `assert_int(a, ==, b)` with a macro that nobody defines.
            kind if is_comparison(kind)
                && at >= 2
                && matches!(tokens[at - 2].kind, TokenKind::Comma | TokenKind::LParen)
                && matches!(self::kind(rest, 0), Some(TokenKind::Comma | TokenKind::RParen)) =>
            {
                out.replaced(token, &format!("\"{}\"", spelling(kind)));
            }
            _ if is_noise(token) => {}
            _ => {
                out.token(*token);
            }
        }
    }
    out.text.push(b'\n');
    Source { file, text: out.text, rows: out.rows, new_stars: out.new_stars }
}

/// The grammar's word for one of C's or of the compiler's.
fn cpp_word(word: &str) -> &'static str {
    match word {
        "__builtin_offsetof" => "offsetof",
        "_Static_assert" => "static_assert",
        "_Bool" => "bool",
        _ => "alignof",
    }
}

fn is_comparison(kind: TokenKind) -> bool {
    use TokenKind::{EqEq, Ge, Gt, Le, Lt, Ne};
    matches!(kind, EqEq | Ne | Lt | Le | Gt | Ge)
}

fn kind(tokens: &[Token], at: usize) -> Option<TokenKind> {
    tokens.get(at).map(|token| token.kind)
}

struct Writer {
    text: Vec<u8>,
    rows: Vec<Row>,
    before: Option<Token>,
    new_stars: Vec<(u32, u8)>,
}

impl Writer {
    /// Writes an identifier with what belongs to it, and gives how many of the tokens behind it
    /// that took. `before` is the kind of the token in front.
    fn word(&mut self, token: &Token, before: Option<TokenKind>, rest: &[Token]) -> usize {
        if before == Some(TokenKind::Str) && is_macro_name(token) {
            let contents = literals::format_macro(token.text.as_str());
            self.replaced(token, &format!("\"{contents}\""));
            return 0;
        }
        match token.text.as_str() {
            "__extension__"
            | "__restrict"
            | "__restrict__"
            | "__always_inline"
            | "__attribute_noinline__" => 0,
            "operator" => {
                self.token(*token);
                self.operator(rest)
            }
            // The grammar knows it behind `static` only, and without it in a function it means that.
            "thread_local" | "_Thread_local" | "__thread" => {
                if before != Some(TokenKind::Ident) && kind(rest, 0) == Some(TokenKind::Ident) {
                    self.replaced(token, "static");
                }
                0
            }
            "new" => self.new_word(token, rest),
            "va_arg" | "__builtin_va_arg" => self.va_arg(token, rest),
            c_word @ ("__builtin_offsetof" | "_Static_assert" | "_Alignof" | "_Bool" | "__alignof__") => {
                self.replaced(token, cpp_word(c_word));
                0
            }
            // `throw(...)` behind a parameter list.
            "throw" if kind(rest, 1) == Some(TokenKind::Ellipsis) && before == Some(TokenKind::RParen) => 3,
            _ => {
                self.token(*token);
                0
            }
        }
    }

    fn new_word(&mut self, token: &Token, rest: &[Token]) -> usize {
        let offset = self.token(*token);
        let (kept, stars) = pointer_array(rest);
        if stars == 0 {
            return 0;
        }
        self.tokens(&rest[..kept]);
        self.new_stars.push((offset, stars));
        kept + usize::from(stars)
    }

    /// `va_arg(list, T *)` as `va_arg<T *>(list)`.
    fn va_arg(&mut self, token: &Token, rest: &[Token]) -> usize {
        let Some((comma, close)) = two_arguments(rest) else {
            self.token(*token);
            return 0;
        };
        self.replaced(token, "va_arg<");
        self.tokens(&rest[comma + 1..close]);
        self.replaced(token, ">");
        self.tokens(&rest[..comma]);
        self.token(rest[close]);
        close + 1
    }

    fn tokens(&mut self, tokens: &[Token]) {
        for &token in tokens {
            self.token(token);
        }
    }

    /// Writes a token and gives its offset.
    fn token(&mut self, token: Token) -> u32 {
        if !self.before.is_some_and(|before| adjoins(&before, &token)) {
            self.start_row(&token);
        }
        let offset = self.text.len() as u32;
        match token.kind {
            TokenKind::Str if token.text.as_str().contains('\n') => {
                quote(token.text.as_str(), &mut self.text)
            }
            TokenKind::Ident | TokenKind::Number | TokenKind::Str | TokenKind::Char => {
                self.text.extend(token.text.as_str().bytes().filter(|&b| b != b'\n'));
            }
            kind => self.text.extend_from_slice(spelling(kind).as_bytes()),
        }
        // A token whose text is not what stands in the file ends its row.
        let written = self.text.len() - offset as usize;
        self.before = Some(token).filter(|t| usize::from(t.len) == written && t.in_macro.is_empty());
        offset
    }

    fn start_row(&mut self, token: &Token) {
        if !self.rows.is_empty() {
            self.text.push(b'\n');
        }
        let Token { line, col, len, in_macro, .. } = *token;
        self.rows.push(Row { line, col, len, in_macro });
    }

    /// Writes other text in place of a token.
    fn replaced(&mut self, token: &Token, text: &str) {
        self.start_row(token);
        self.text.extend_from_slice(text.as_bytes());
        self.before = None;
    }

    /// The grammar wants `()` and `[]` after `operator` without white space; gives the number of
    /// tokens written.
    fn operator(&mut self, rest: &[Token]) -> usize {
        let pair = match rest {
            [a, b, ..] if a.kind == TokenKind::LParen && b.kind == TokenKind::RParen => "()",
            [a, b, ..] if a.kind == TokenKind::LBracket && b.kind == TokenKind::RBracket => "[]",
            _ => return 0,
        };
        self.start_row(&rest[0]);
        self.text.extend_from_slice(pair.as_bytes());
        self.before = None;
        2
    }
}

fn adjoins(a: &Token, b: &Token) -> bool {
    a.line == b.line
        && b.in_macro.is_empty()
        && u32::from(a.col) + u32::from(a.len) == u32::from(b.col)
        && b.col < u16::MAX
}

/// A name in capitals. Behind a string it is a macro that stands for another string, which the
/// grammar does not know.
fn is_macro_name(token: &Token) -> bool {
    let capital = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    token.kind == TokenKind::Ident
        && (token.text.as_str().starts_with("PRI") || token.text.as_str().bytes().all(capital))
}

/// Tokens without which the grammar does better.
fn is_noise(token: &Token) -> bool {
    matches!(
        token.kind,
        TokenKind::Hash | TokenKind::HashHash | TokenKind::Backslash | TokenKind::Other | TokenKind::Eof
    )
}

/// `( a , b )`: positions of the last comma between the parentheses and of the closing one.
fn two_arguments(rest: &[Token]) -> Option<(usize, usize)> {
    let (mut depth, mut comma) = (0, None);
    for (at, token) in rest.iter().enumerate().take(64) {
        match token.kind {
            TokenKind::LParen => depth += 1,
            TokenKind::RParen => depth -= 1,
            TokenKind::Comma if depth == 1 => comma = Some(at),
            TokenKind::Semi => return None,
            _ => {}
        }
        if depth == 0 {
            return comma.map(|comma| (comma, at));
        }
    }
    None
}

/// After `new`: `T * * [`, for which the grammar has no rule. Gives the number of tokens of the
/// type (with a placement before it) and the number of stars.
fn pointer_array(rest: &[Token]) -> (usize, u8) {
    let mut at = 0;
    if rest.first().is_some_and(|t| t.kind == TokenKind::LParen) {
        let mut depth = 0;
        for token in rest.iter().take(64) {
            at += 1;
            match token.kind {
                TokenKind::LParen => depth += 1,
                TokenKind::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    let mut angles = 0i32;
    while let Some(token) = rest.get(at).filter(|_| at < 128) {
        match token.kind {
            TokenKind::Ident | TokenKind::ColonColon => {}
            TokenKind::Lt => angles += 1,
            TokenKind::Gt => angles -= 1,
            TokenKind::Shr => angles -= 2,
            TokenKind::Comma | TokenKind::Number | TokenKind::Star | TokenKind::Amp if angles > 0 => {}
            _ => break,
        }
        at += 1;
    }
    let stars = rest[at..].iter().take_while(|t| t.kind == TokenKind::Star).take(8).count();
    (at, stars as u8)
}

/// A raw string with line breaks, as an ordinary literal on one line.
fn quote(literal: &str, out: &mut Vec<u8>) {
    let (prefix, _) = literal.split_once('"').unwrap_or_default();
    out.extend_from_slice(prefix.trim_end_matches('R').as_bytes());
    out.push(b'"');
    let (contents, _) = literals::string(literal.as_bytes());
    for c in contents {
        match c {
            '\n' => out.extend_from_slice(b"\\n"),
            '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
            ' '..='~' => out.push(c as u8),
            other => out.extend_from_slice(format!("\\{:03o}", u32::from(other) & 0xff).as_bytes()),
        }
    }
    out.push(b'"');
}

fn spelling(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::LParen => "(",
        TokenKind::RParen => ")",
        TokenKind::LBrace => "{",
        TokenKind::RBrace => "}",
        TokenKind::LBracket => "[",
        TokenKind::RBracket => "]",
        TokenKind::Semi => ";",
        TokenKind::Comma => ",",
        TokenKind::Dot => ".",
        TokenKind::Ellipsis => "...",
        TokenKind::Arrow => "->",
        TokenKind::PlusPlus => "++",
        TokenKind::MinusMinus => "--",
        TokenKind::Amp => "&",
        TokenKind::AmpAmp => "&&",
        TokenKind::Star => "*",
        TokenKind::Plus => "+",
        TokenKind::Minus => "-",
        TokenKind::Tilde => "~",
        TokenKind::Bang => "!",
        TokenKind::Slash => "/",
        TokenKind::Percent => "%",
        TokenKind::Shl => "<<",
        TokenKind::Shr => ">>",
        TokenKind::Lt => "<",
        TokenKind::Gt => ">",
        TokenKind::Le => "<=",
        TokenKind::Ge => ">=",
        TokenKind::EqEq => "==",
        TokenKind::Ne => "!=",
        TokenKind::Caret => "^",
        TokenKind::Pipe => "|",
        TokenKind::PipePipe => "||",
        TokenKind::Question => "?",
        TokenKind::Colon => ":",
        TokenKind::ColonColon => "::",
        TokenKind::Eq => "=",
        TokenKind::StarEq => "*=",
        TokenKind::SlashEq => "/=",
        TokenKind::PercentEq => "%=",
        TokenKind::PlusEq => "+=",
        TokenKind::MinusEq => "-=",
        TokenKind::ShlEq => "<<=",
        TokenKind::ShrEq => ">>=",
        TokenKind::AmpEq => "&=",
        TokenKind::CaretEq => "^=",
        TokenKind::PipeEq => "|=",
        TokenKind::At => "@",
        TokenKind::Ident
        | TokenKind::Number
        | TokenKind::Str
        | TokenKind::Char
        | TokenKind::Hash
        | TokenKind::HashHash
        | TokenKind::Backslash
        | TokenKind::Other
        | TokenKind::Eof => "",
    }
}
