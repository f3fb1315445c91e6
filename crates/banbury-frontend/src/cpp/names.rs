//! Names: qualified ones shortened to what other files can match.

use banbury_base::Symbol;
use smallvec::SmallVec;
use tree_sitter::Node;

use super::{Converter, Kind};

/// A name as written: what stood before it, and itself.
pub(super) struct Name {
    /// Class (or unknown scope) that qualifies it, or empty.
    pub scope: Symbol,
    pub last: Symbol,
}

impl Name {
    /// `scope::last`, or `last`.
    pub fn full(&self) -> Symbol {
        if self.scope.is_empty() { self.last } else { Symbol::new(&format!("{}::{}", self.scope, self.last)) }
    }
}

impl<'t> Converter<'t> {
    /// Any node that names something. `std::` scopes stay whole; of others the nearest is kept,
    /// unless this file knows it to be a namespace.
    pub(super) fn name(&mut self, node: Node<'t>) -> Name {
        let mut scopes: SmallVec<[Symbol; 4]> = SmallVec::new();
        let mut node = node;
        while self.kind(node) == Kind::QualifiedIdentifier {
            if let Some(scope) = self.field(node, self.f.scope) {
                let scope = self.simple_name(scope);
                scopes.push(scope);
            }
            let Some(inner) = self.field(node, self.f.name) else { break };
            node = inner;
        }
        let last = self.simple_name(node);
        Name { scope: self.shorten(&scopes), last }
    }

    fn shorten(&self, scopes: &[Symbol]) -> Symbol {
        match scopes {
            [] => Symbol::EMPTY,
            [one] if *one == "std" => *one,
            [first, rest @ ..] if *first == "std" => {
                rest.iter().fold(*first, |all, s| Symbol::new(&format!("{all}::{s}")))
            }
            [.., nearest] if self.namespaces.contains(nearest) => Symbol::EMPTY,
            [.., nearest] => *nearest,
        }
    }

    /// A name without its template arguments.
    fn simple_name(&mut self, node: Node<'t>) -> Symbol {
        match self.kind(node) {
            Kind::TemplateType | Kind::TemplateFunction | Kind::TemplateMethod => {
                self.field(node, self.f.name).map_or(Symbol::EMPTY, |name| self.source.symbol(name))
            }
            Kind::DependentName | Kind::VariadicDeclarator | Kind::PointerTypeDeclarator => {
                let inner = self.children(node).last().map(|&(_, child)| child);
                inner.map_or(Symbol::EMPTY, |inner| self.simple_name(inner))
            }
            Kind::OperatorName => self.operator_name(node),
            Kind::DestructorName => {
                let class = self.first(node).map_or(Symbol::EMPTY, |name| self.source.symbol(name));
                Symbol::new(&format!("~{class}"))
            }
            Kind::OperatorCast => {
                let ty = self.field(node, self.f.ty).map(|ty| self.source.text(ty));
                Symbol::new(&format!("operator {}", ty.as_deref().unwrap_or("")))
            }
            Kind::Decltype => Symbol::EMPTY,
            _ => self.source.symbol(node),
        }
    }

    /// `operator+`, `operator new[]`, without accidental white space.
    fn operator_name(&self, node: Node<'t>) -> Symbol {
        let text = self.source.text(node);
        let rest = text.strip_prefix("operator").unwrap_or(&text);
        let words: String = rest.split_whitespace().collect();
        let space = if words.starts_with(|c: char| c.is_ascii_alphabetic()) { " " } else { "" };
        Symbol::new(&format!("operator{space}{words}"))
    }

    /// Remembers the names of a namespace and those around it.
    pub(super) fn learn_namespace(&mut self, node: Node<'t>) {
        match self.kind(node) {
            Kind::NestedNamespace | Kind::QualifiedIdentifier => {
                for (_, child) in self.children(node) {
                    self.learn_namespace(child);
                }
            }
            _ => {
                let name = self.source.symbol(node);
                self.namespaces.insert(name);
            }
        }
    }
}
