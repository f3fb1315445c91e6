//! Declarations of variables, types and prototypes, in files and in blocks.

use crate::ast::{DeclSpecs, Declarator, TypeExpr, TypeName, VarDecl};
use crate::token::{Token, TokenKind};

use super::declarator::{Names, ParsedDeclarator};
use super::names::NameClass;
use super::specifiers::Place;
use super::{Fail, PResult, Parser};

impl TypeName {
    /// One type, with the base put into its place.
    pub(super) fn flattened(self) -> TypeExpr {
        put_base(self.ty, self.base)
    }
}

/// Replaces [`TypeExpr::Base`] in `ty`.
fn put_base(ty: TypeExpr, base: TypeExpr) -> TypeExpr {
    match ty {
        TypeExpr::Base => base,
        TypeExpr::Pointer(inner) => TypeExpr::Pointer(Box::new(put_base(*inner, base))),
        TypeExpr::Array(inner, count) => TypeExpr::Array(Box::new(put_base(*inner, base)), count),
        TypeExpr::Function { ret, params, variadic } => {
            TypeExpr::Function { ret: Box::new(put_base(*ret, base)), params, variadic }
        }
        other => other,
    }
}

impl Parser<'_> {
    /// The declarators behind `specs` and `base`, the first of which may be given already; up
    /// to, not including, the `;`.
    pub(super) fn declarators(
        &mut self,
        specs: DeclSpecs,
        base: TypeExpr,
        first: Option<ParsedDeclarator>,
        token: Token,
    ) -> PResult<VarDecl> {
        let mut declarators = Vec::new();
        let mut pending = first;
        loop {
            let parsed = match pending.take() {
                Some(parsed) => parsed,
                None => self.declarator(Names::Required)?,
            };
            declarators.push(self.init_declarator(&specs, parsed)?);
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        Ok(VarDecl { specs, base, declarators, span: self.span(&token) })
    }

    fn init_declarator(&mut self, specs: &DeclSpecs, parsed: ParsedDeclarator) -> PResult<Declarator> {
        let (name, span) = (parsed.name, parsed.span);
        let class = if specs.is_typedef { NameClass::Type } else { NameClass::Value };
        self.names.declare(name, class);
        let mut parsed = parsed;
        if parsed.is_function() && self.kind() == TokenKind::Eq {
            // `int UNIQUE(x) = 1;`: a macro made the name.
            parsed.layers.remove(0);
        }
        let mut attributes = std::mem::take(&mut parsed.attributes.names);
        if parsed.attributes.noreturn {
            attributes.push(banbury_base::Symbol::new("noreturn"));
        }
        let ty = parsed.ty_over(TypeExpr::Base);
        let init = match self.kind() {
            TokenKind::Eq => {
                self.pos += 1;
                Some(self.initializer())
            }
            _ => None,
        };
        Ok(Declarator { name, span, ty, bits: None, init, attributes })
    }

    /// A declaration inside a function, without its `;`. `None` if it was a nested function.
    pub(super) fn local_declaration(&mut self) -> PResult<Option<VarDecl>> {
        let token = self.token(self.pos);
        let (specs, base) = self.specifiers(Place::Block)?;
        if self.kind() == TokenKind::Semi {
            return Ok(Some(VarDecl { specs, base, declarators: Vec::new(), span: self.span(&token) }));
        }
        let first = self.declarator(Names::Required)?;
        if first.is_function() && self.kind() == TokenKind::LBrace {
            let function = self.nested(|p| Ok(p.function(specs, base, first)))?;
            self.lifted.push(function);
            return Ok(None);
        }
        self.declarators(specs, base, Some(first), token).map(Some)
    }

    /// The end of a declaration in a block.
    pub(super) fn declaration_end(&mut self) -> PResult<()> {
        match self.kind() {
            TokenKind::Semi => {
                self.pos += 1;
                Ok(())
            }
            // A macro may have brought the `;` along.
            _ if self.starts_line(self.pos) || self.kind() == TokenKind::RBrace => Ok(()),
            _ => Err(Fail("expected `;` behind a declaration")),
        }
    }
}
