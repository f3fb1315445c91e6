//! Getting back on track after text that does not parse.

use crate::ast::{Stmt, StmtKind, SyntaxError};
use crate::token::TokenKind;

use super::{Fail, Parser};

/// Tokens quoted in an error.
const QUOTED_TOKENS: usize = 12;
/// Errors kept per function or file; a file that is no C would otherwise yield one per token.
const MAX_ERRORS: usize = 1000;

impl Parser<'_> {
    /// Notes that the text from `start` was not understood.
    pub(super) fn note_error(&mut self, start: usize, message: &str) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        let near = self.pos.max(start).min(self.tokens.len().saturating_sub(1));
        let quote = self.quote(near.saturating_sub(3).max(start), near + 1 + QUOTED_TOKENS / 2);
        let span = self.span_at(near.max(start));
        self.errors.push(SyntaxError { span, message: format!("{message}: {quote}") });
    }

    /// The tokens of a range as text.
    pub(super) fn quote(&self, from: usize, to: usize) -> String {
        let mut text = String::new();
        let to = to.min(from + QUOTED_TOKENS).min(self.tokens.len());
        for token in self.tokens.get(from..to).unwrap_or(&[]) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(match token.text.is_empty() {
                true => spelling(token.kind),
                false => token.text.as_str(),
            });
        }
        text
    }

    /// Skips the statement that began at `start`: to the next `;` or balanced block.
    pub(super) fn skip_statement(&mut self, start: usize, fail: Fail) -> Stmt {
        self.note_error(start, fail.0);
        let first = self.token(start);
        let mut at = start;
        while at < self.tokens.len() {
            match self.kind_at(at) {
                TokenKind::Semi => {
                    at += 1;
                    break;
                }
                TokenKind::LBrace => {
                    at = self.after_partner(at);
                    if !matches!(self.kind_at(at), TokenKind::Semi | TokenKind::Comma | TokenKind::RParen) {
                        break;
                    }
                }
                TokenKind::LParen | TokenKind::LBracket => {
                    at = self.partner(at).unwrap_or(at) + 1;
                }
                TokenKind::RBrace => break,
                _ => at += 1,
            }
        }
        self.pos = at;
        let text = self.quote(start, at);
        Stmt { kind: StmtKind::Error(text), span: self.span(&first), in_macro: first.in_macro }
    }

    /// Moves to the next `,`, `;` or closing bracket that belongs to the current level. Jumps
    /// over brackets, so a level is walked once however often its parts fail.
    pub(super) fn skip_to_separator(&mut self) {
        while self.pos < self.tokens.len() {
            match self.kind() {
                TokenKind::Comma
                | TokenKind::Semi
                | TokenKind::RParen
                | TokenKind::RBracket
                | TokenKind::RBrace => return,
                TokenKind::LParen | TokenKind::LBracket | TokenKind::LBrace => {
                    self.pos = self.partner(self.pos).unwrap_or(self.pos) + 1;
                }
                _ => self.pos += 1,
            }
        }
    }

    /// Skips a preprocessor directive that was left in the text.
    pub(super) fn skip_line(&mut self) {
        let line = self.token(self.pos).line;
        while self.pos < self.tokens.len() && self.token(self.pos).line == line {
            self.pos += 1;
        }
    }

    /// After a failure at file scope that began at `start`: moves to where a definition may
    /// begin. If the skipped text ends in `name(...) {`, that is a function worth reading.
    pub(super) fn skip_external(&mut self, start: usize, fail: Fail) {
        self.note_error(start, fail.0);
        let mut at = start;
        while at < self.tokens.len() {
            match self.kind_at(at) {
                TokenKind::Semi => {
                    at += 1;
                    break;
                }
                TokenKind::LBrace => {
                    at = self.after_partner(at);
                    if self.kind_at(at) == TokenKind::Semi {
                        at += 1;
                    }
                    break;
                }
                TokenKind::LParen => {
                    let close = self.partner(at);
                    if at > start + 1
                        && close.is_some_and(|close| self.kind_at(close + 1) == TokenKind::LBrace)
                        && self.is_name(at - 1)
                    {
                        at -= 1;
                        break;
                    }
                    at = close.unwrap_or(at) + 1;
                }
                TokenKind::LBracket => at = self.partner(at).unwrap_or(at) + 1,
                TokenKind::RBrace => {
                    at += 1;
                    break;
                }
                TokenKind::Ident if at > start && self.begins_definition(at) => break,
                _ => at += 1,
            }
        }
        self.pos = at.max(start + 1);
    }

    /// A declaration keyword in the first column.
    fn begins_definition(&self, at: usize) -> bool {
        self.token(at).col == 1 && self.starts_line(at) && self.kw_at(at).starts_declaration()
    }
}

fn spelling(kind: TokenKind) -> &'static str {
    use TokenKind::*;
    match kind {
        Ident | Number | Str | Char => "",
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
        Other => "?",
        Eof => "<end>",
    }
}
