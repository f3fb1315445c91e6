//! Initialisers, braced and not.

use crate::ast::{Designator, Expr, ExprKind, Init, InitEntry};
use crate::token::TokenKind;

use super::{Fail, PResult, Parser};

impl Parser<'_> {
    /// What stands behind `=`. What does not parse is noted and becomes an unknown value, so
    /// that the variable stays declared.
    pub(super) fn initializer(&mut self) -> Init {
        let start = self.pos;
        let parsed = match self.kind() {
            TokenKind::LBrace => self.nested(Self::initializer_list),
            _ => self.assign().map(Init::Expr),
        };
        match parsed {
            Ok(init) if self.at_initializer_end() => init,
            Ok(_) if self.starts_line(self.pos) && self.pos > start => {
                // A missing `;` is the declaration's business.
                self.unknown_initializer(start, Fail("expected `;`"))
            }
            Ok(_) => self.unknown_initializer(start, Fail("expected `,` or `;` behind an initialiser")),
            Err(fail) => self.unknown_initializer(start, fail),
        }
    }

    fn at_initializer_end(&self) -> bool {
        matches!(self.kind(), TokenKind::Comma | TokenKind::Semi | TokenKind::RBrace | TokenKind::RParen)
    }

    fn unknown_initializer(&mut self, start: usize, fail: Fail) -> Init {
        self.note_error(start, fail.0);
        self.skip_to_separator();
        let token = self.token(start);
        Init::Expr(self.make(ExprKind::Unknown(Vec::new()), &token))
    }

    /// `{ a, .b = c, [1 ... 2] = d, e: f }`
    pub(super) fn initializer_list(&mut self) -> PResult<Init> {
        let open = self.pos;
        let token = self.token(open);
        self.expect(TokenKind::LBrace, "expected `{`")?;
        let mut entries = Vec::new();
        loop {
            if self.eat(TokenKind::RBrace) {
                break;
            }
            let before = self.pos;
            match self.initializer_entry() {
                Ok(entry) => entries.push(entry),
                Err(fail) => self.skip_entry(before, fail, &mut entries),
            }
            match self.kind() {
                TokenKind::Comma => self.pos += 1,
                TokenKind::RBrace => {}
                // Entries made by macros bring their own commas.
                _ if self.pos > before && self.starts_line(self.pos) && self.kind() != TokenKind::Semi => {}
                _ => {
                    self.skip_entry(before, Fail("expected `,` or `}` in a braced list"), &mut entries);
                    if !matches!(self.kind(), TokenKind::Comma | TokenKind::RBrace) {
                        return Err(Fail("a braced list is not closed"));
                    }
                }
            }
        }
        Ok(Init::List(entries, self.span(&token)))
    }

    fn skip_entry(&mut self, start: usize, fail: Fail, entries: &mut Vec<InitEntry>) {
        self.note_error(start, fail.0);
        self.pos = self.pos.max(start);
        self.skip_to_separator();
        let token = self.token(start);
        let value = Init::Expr(self.make(ExprKind::Unknown(Vec::new()), &token));
        entries.push(InitEntry { designators: Vec::new(), value });
    }

    fn initializer_entry(&mut self) -> PResult<InitEntry> {
        let designators = self.designators()?;
        let value = match self.kind() {
            TokenKind::LBrace => self.nested(Self::initializer_list)?,
            _ => Init::Expr(self.assign()?),
        };
        Ok(InitEntry { designators, value })
    }

    fn designators(&mut self) -> PResult<Vec<Designator>> {
        let mut path = Vec::new();
        if self.is_name(self.pos) && self.kind_at(self.pos + 1) == TokenKind::Colon {
            path.push(Designator::Field(self.bump().text));
            self.pos += 1;
            return Ok(path);
        }
        loop {
            match self.kind() {
                TokenKind::Dot if self.kind_at(self.pos + 1) == TokenKind::Ident => {
                    self.pos += 1;
                    path.push(Designator::Field(self.bump().text));
                }
                TokenKind::LBracket => path.push(self.index_designator()?),
                _ => break,
            }
        }
        if !path.is_empty() {
            // `[1] value` is old GNU C.
            self.eat(TokenKind::Eq);
        }
        Ok(path)
    }

    fn index_designator(&mut self) -> PResult<Designator> {
        self.pos += 1;
        let low: Expr = self.nested(Self::conditional)?;
        let designator = match self.eat(TokenKind::Ellipsis) {
            true => Designator::Range(low, self.nested(Self::conditional)?),
            false => Designator::Index(low),
        };
        self.expect(TokenKind::RBracket, "expected `]` behind a designator")?;
        Ok(designator)
    }
}
