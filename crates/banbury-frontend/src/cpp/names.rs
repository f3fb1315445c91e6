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
        let scope = match self.shorten(&scopes) {
            scope if scope == "std" && is_c_type(last.as_str()) => Symbol::EMPTY,
            scope => scope,
        };
        Name { scope, last }
    }

    /// The name of a type or of what may be one.
    pub(super) fn class_name(&mut self, node: Node<'t>) -> Name {
        let mut name = self.name(node);
        if self.kind(node) != Kind::QualifiedIdentifier && self.is_unqualified_std(name.last) {
            name.scope = Symbol::new("std");
        }
        name
    }

    /// Whether `using namespace std` is likely to give this name its meaning.
    pub(super) fn is_unqualified_std(&self, name: Symbol) -> bool {
        self.uses_std && is_std_class(name.as_str()) && !self.types.contains(&name)
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

    /// Enters `namespace a::b`, or stays for one without a name; gives what to go back to.
    pub(super) fn enter_namespace(&mut self, name: Option<Node<'t>>) -> Symbol {
        let outer = self.namespace;
        if let Some(name) = name {
            self.learn_namespace(name);
            let own: String = self.source.text(name).split_whitespace().collect();
            self.namespace = match outer.is_empty() {
                true => Symbol::new(&own),
                false => Symbol::new(&format!("{outer}::{own}")),
            };
            self.see_namespace(self.namespace);
        }
        outer
    }

    /// The file opens or uses a namespace.
    pub(super) fn see_namespace(&mut self, name: Symbol) {
        if name == "std" {
            self.uses_std = true;
        } else if !self.unit.namespaces.contains(&name) {
            self.unit.namespaces.push(name);
        }
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

/// Types that C++ takes over from C; without `std::` they mean the same.
fn is_c_type(name: &str) -> bool {
    (name.ends_with("_t") && name != "nullptr_t") || matches!(name, "FILE" | "tm" | "va_list")
}

/// Classes of the standard library that are common enough to be known by their bare names, and
/// to tell the making of an object from a call.
pub(super) fn is_std_class(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "array",
        "atomic",
        "basic_string",
        "bitset",
        "condition_variable",
        "deque",
        "exception",
        "fstream",
        "function",
        "future",
        "ifstream",
        "invalid_argument",
        "istringstream",
        "list",
        "lock_guard",
        "logic_error",
        "map",
        "multimap",
        "multiset",
        "mutex",
        "ofstream",
        "optional",
        "ostringstream",
        "out_of_range",
        "pair",
        "promise",
        "queue",
        "recursive_mutex",
        "runtime_error",
        "set",
        "shared_ptr",
        "span",
        "stack",
        "string",
        "string_view",
        "stringstream",
        "thread",
        "tuple",
        "unique_lock",
        "unique_ptr",
        "unordered_map",
        "unordered_set",
        "variant",
        "vector",
        "weak_ptr",
        "wstring",
    ];
    NAMES.binary_search(&name).is_ok()
}
