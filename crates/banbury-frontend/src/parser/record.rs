//! Structures, unions and enumerations.

use banbury_base::Symbol;
use banbury_ir::RecordKind;

use crate::ast::{Declarator, EnumSpec, Expr, Member, RecordSpec, TypeExpr, VarDecl};
use crate::token::TokenKind;

use super::declarator::Names;
use super::keyword::Kw;
use super::names::NameClass;
use super::specifiers::{Attributes, Place};
use super::{Fail, PResult, Parser};

impl Parser<'_> {
    /// From `struct` or `union` to the end of its definition or tag.
    pub(super) fn record(&mut self, place: Place) -> PResult<TypeExpr> {
        let keyword = self.bump();
        let kind = match self.kw_at(self.pos - 1) {
            Kw::Union => RecordKind::Union,
            _ => RecordKind::Struct,
        };
        let mut attributes = Attributes::default();
        let tag = self.tag(&mut attributes);
        let span = self.span(&tag.map_or(keyword, |at| self.token(at)));
        let tag = tag.map_or(Symbol::EMPTY, |at| self.token(at).text);
        let members = match self.kind() {
            TokenKind::LBrace => Some(self.members()?),
            _ if tag.is_empty() => return Err(Fail("expected a tag or `{` behind `struct`")),
            _ => None,
        };
        if members.is_some() {
            self.attributes_behind_braces(place, &mut attributes);
        }
        let packed = attributes.packed;
        let spec = RecordSpec { kind, tag, span, members, packed, bases: Vec::new() };
        Ok(TypeExpr::Record(Box::new(spec)))
    }

    /// The tag with the attributes around it; unexplained words before the last one are
    /// attributes too.
    fn tag(&mut self, attributes: &mut Attributes) -> Option<usize> {
        let mut tag = None;
        loop {
            match self.kind() {
                TokenKind::Ident => match self.kw() {
                    Kw::Attribute | Kw::Declspec | Kw::Alignas => self.attribute(attributes),
                    kw if kw.is_name() || kw == Kw::Noreturn || kw == Kw::Bool => {
                        let opens = self.kind_at(self.pos + 1) == TokenKind::LBrace;
                        if tag.is_some() && !opens {
                            return tag;
                        }
                        tag = Some(self.pos);
                        self.pos += 1;
                        // `struct ALIGNED(8) name {`
                        if self.kind() == TokenKind::LParen && self.tag_follows_parens() {
                            self.skip_parens();
                        }
                    }
                    _ => return tag,
                },
                TokenKind::LBracket if self.at_bracket_attribute() => self.attribute(attributes),
                _ => return tag,
            }
        }
    }

    fn tag_follows_parens(&self) -> bool {
        let after = self.after_partner(self.pos);
        self.kind_at(after) == TokenKind::LBrace
            || self.is_name(after) && self.kind_at(after + 1) == TokenKind::LBrace
    }

    /// `} __attribute__((packed))`, `} PACKED;`, `} PACKED name;`
    fn attributes_behind_braces(&mut self, place: Place, attributes: &mut Attributes) {
        while let Kw::Attribute | Kw::Declspec | Kw::Alignas = self.kw() {
            self.attribute(attributes);
        }
        // `};` follows in most cases; a lone word there declares a variable, unless it is the
        // text that attributes have.
        if place == Place::Field || !self.is_name(self.pos) {
            return;
        }
        let word = self.token(self.pos).text;
        if self.kind_at(self.pos + 1) == TokenKind::Semi && word.as_str().starts_with("__") {
            attributes.packed |= word.as_str().contains("packed");
            self.pos += 1;
        }
    }

    fn members(&mut self) -> PResult<Vec<Member>> {
        let open = self.pos;
        let close = self.partner(open).ok_or(Fail("`{` of a structure is not closed"))?;
        self.pos += 1;
        let mut members = Vec::new();
        while self.pos < close {
            let start = self.pos;
            match self.member() {
                Ok(Some(member)) => members.push(Member::Field(member)),
                Ok(None) => {}
                Err(fail) => self.skip_member(start, close, fail),
            }
            if self.pos == start {
                self.pos += 1;
            }
        }
        self.pos = close + 1;
        Ok(members)
    }

    fn skip_member(&mut self, start: usize, close: usize, fail: Fail) {
        self.note_error(start, fail.0);
        self.pos = start;
        loop {
            self.skip_to_separator();
            if self.pos >= close {
                self.pos = close;
                return;
            }
            self.pos += 1;
            if self.kind_at(self.pos - 1) == TokenKind::Semi {
                return;
            }
        }
    }

    fn member(&mut self) -> PResult<Option<VarDecl>> {
        match self.kind() {
            TokenKind::Semi => {
                self.pos += 1;
                return Ok(None);
            }
            TokenKind::Hash => {
                self.skip_line();
                return Ok(None);
            }
            TokenKind::Ident if self.kw() == Kw::StaticAssert => {
                self.pos += 1;
                self.skip_parens();
                return Ok(None);
            }
            _ => {}
        }
        if let Some(member) = self.macro_member() {
            return Ok(Some(member));
        }
        let first = self.token(self.pos);
        let (specs, base) = self.specifiers(Place::Field)?;
        let mut declarators = Vec::new();
        if self.kind() != TokenKind::Semi {
            loop {
                declarators.push(self.field_declarator()?);
                if !self.eat(TokenKind::Comma) {
                    break;
                }
            }
        }
        if !self.eat(TokenKind::Semi) && self.kind() != TokenKind::RBrace && !self.starts_line(self.pos) {
            return Err(Fail("expected `;` behind a member"));
        }
        Ok(Some(VarDecl { specs, base, declarators, span: self.span(&first) }))
    }

    fn field_declarator(&mut self) -> PResult<Declarator> {
        if self.kind() == TokenKind::Colon {
            let span = self.span_at(self.pos);
            let bits = self.bit_width()?;
            return Ok(Declarator {
                name: Symbol::EMPTY,
                span,
                ty: TypeExpr::Base,
                bits,
                init: None,
                attributes: Vec::new(),
            });
        }
        let parsed = self.declarator(Names::Required)?;
        let (name, span) = (parsed.name, parsed.span);
        let mut attributes = Attributes::default();
        let bits = self.bit_width()?;
        self.trailing_attributes(&mut attributes, Names::Required);
        let mut parsed = parsed;
        attributes.names.append(&mut parsed.attributes.names);
        let ty = parsed.ty_over(TypeExpr::Base);
        Ok(Declarator { name, span, ty, bits, init: None, attributes: attributes.names })
    }

    fn bit_width(&mut self) -> PResult<Option<Box<Expr>>> {
        if !self.eat(TokenKind::Colon) {
            return Ok(None);
        }
        Ok(Some(Box::new(self.nested(Self::conditional)?)))
    }

    /// `DECLARE_THING(name, size);` or without `;`: a member of unknown type.
    fn macro_member(&mut self) -> Option<VarDecl> {
        let at = self.pos;
        if !self.is_name(at) {
            return None;
        }
        let first = self.token(at);
        let behind = match self.kind_at(at + 1) {
            // A word alone on its line: `randomized_struct_fields_start`
            TokenKind::Ident if self.starts_line(at) && self.starts_line(at + 1) => at + 1,
            TokenKind::LParen => {
                if matches!(self.kind_at(at + 2), TokenKind::Star) {
                    return None;
                }
                let after = self.after_partner(at + 1);
                let ends = match self.kind_at(after) {
                    TokenKind::Semi | TokenKind::RBrace => true,
                    TokenKind::Ident => self.starts_line(after),
                    _ => false,
                };
                if !ends {
                    return None;
                }
                after
            }
            _ => return None,
        };
        let name = (at + 2..behind).find(|&i| self.is_name(i));
        self.pos = behind;
        self.eat(TokenKind::Semi);
        let declarators = match name {
            Some(name) => vec![Declarator {
                name: self.token(name).text,
                span: self.span_at(name),
                ty: TypeExpr::Base,
                bits: None,
                init: None,
                attributes: Vec::new(),
            }],
            None => Vec::new(),
        };
        Some(VarDecl {
            specs: Default::default(),
            base: TypeExpr::Unknown,
            declarators,
            span: self.span(&first),
        })
    }

    /// From `enum` to the end of its definition or tag.
    pub(super) fn enumeration(&mut self, place: Place) -> PResult<TypeExpr> {
        let keyword = self.bump();
        let mut attributes = Attributes::default();
        let tag = self.tag(&mut attributes);
        let span = self.span(&tag.map_or(keyword, |at| self.token(at)));
        let tag = tag.map_or(Symbol::EMPTY, |at| self.token(at).text);
        if self.kind() == TokenKind::Colon && place != Place::Field {
            // C23: the underlying type
            while !matches!(self.kind(), TokenKind::LBrace | TokenKind::Semi | TokenKind::Eof) {
                self.pos += 1;
            }
        }
        let constants = match self.kind() {
            TokenKind::LBrace => Some(self.constants()?),
            _ if tag.is_empty() => return Err(Fail("expected a tag or `{` behind `enum`")),
            _ => None,
        };
        if constants.is_some() {
            self.attributes_behind_braces(place, &mut attributes);
        }
        Ok(TypeExpr::Enum(Box::new(EnumSpec { tag, span, constants })))
    }

    fn constants(&mut self) -> PResult<Vec<(Symbol, Option<Expr>)>> {
        let open = self.pos;
        let close = self.partner(open).ok_or(Fail("`{` of an enumeration is not closed"))?;
        self.pos += 1;
        let mut constants = Vec::new();
        while self.pos < close {
            let start = self.pos;
            match self.constant() {
                Ok(Some(constant)) => constants.push(constant),
                Ok(None) => {}
                Err(fail) => {
                    self.note_error(start, fail.0);
                    self.skip_to_separator();
                }
            }
            if !self.eat(TokenKind::Comma) && self.pos < close && !self.starts_line(self.pos) {
                self.skip_to_separator();
            }
            if self.pos == start {
                self.pos += 1;
            }
        }
        self.pos = close + 1;
        Ok(constants)
    }

    fn constant(&mut self) -> PResult<Option<(Symbol, Option<Expr>)>> {
        if self.kind() == TokenKind::Hash {
            self.skip_line();
            return Ok(None);
        }
        if self.kind() != TokenKind::Ident {
            return Err(Fail("expected the name of a constant"));
        }
        let name = self.bump().text;
        if self.kind() == TokenKind::LParen {
            // A macro that lists constants
            self.skip_parens();
            return Ok(None);
        }
        self.names.declare(name, NameClass::Value);
        let mut attributes = Attributes::default();
        self.trailing_attributes(&mut attributes, Names::Forbidden);
        let value = match self.eat(TokenKind::Eq) {
            true => Some(self.nested(Self::conditional)?),
            false => None,
        };
        Ok(Some((name, value)))
    }
}
