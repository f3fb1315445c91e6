//! Syntax tree to IR, one function at a time, against the declarations of the whole release.

mod builder;
mod call;
mod consts;
mod cpp;
mod expr;
mod globals;
mod init;
mod layout;
mod ops;
mod place;
mod scope;
mod stmt;
#[cfg(test)]
mod tests;
mod types;
mod typing;
pub(crate) mod world;

use banbury_base::{FileId, Span, Symbol};
use banbury_ir::{
    BlockId, Function, Global, GlobalId, LocalId, Op, Operand, Terminator, Type, TypeId, TypeTable,
};
use rustc_hash::{FxHashMap, FxHashSet};

use self::builder::Builder;
use self::scope::{Binding, Scopes};
use self::stmt::Jumps;
use self::types::{Env, Guard, LocalMeaning, parameter_type, resolve_base, resolve_in};
use self::world::{NameId, World};
use crate::ast::{FunctionDef, TypeExpr};

pub(crate) use self::globals::initialise_globals;
pub(crate) use self::types::{FileEnv, ensure_defined};

/// Globals made while functions of one file are lowered (static locals, undeclared names) are
/// numbered from here, until the program is put together.
pub(crate) const PROVISIONAL: u32 = 1 << 31;

/// How deep statements and expressions may nest before the rest is left out.
const MAX_NESTING: u32 = 256;

/// The embedded declarations of the C library and POSIX.
pub(crate) const PRELUDE: &str = include_str!("prelude.h");

/// Lowers the functions of one file.
pub(crate) struct Lowerer<'w> {
    pub(crate) world: &'w World<'w>,
    file: u32,
    guard: Guard,
    /// Names already looked up from this file.
    found: FxHashMap<Symbol, Option<NameId>>,
    /// Whether a called name is that of a compiler's built-in.
    builtins: FxHashMap<Symbol, bool>,
    /// Globals of this file beyond the declared ones.
    pub(crate) statics: Vec<Global>,
    undeclared: FxHashMap<Symbol, GlobalId>,
    scopes: Scopes,
    b: Builder,
    jumps: Jumps,
    /// Locals that are C++ references: each use follows them.
    references: FxHashSet<LocalId>,
    function: Symbol,
    class: Option<Symbol>,
    ret: TypeId,
    returns_reference: bool,
    nesting: u32,
}

impl<'w> Env<'w> for Lowerer<'w> {
    fn world(&self) -> &'w World<'w> {
        self.world
    }
    fn file(&self) -> u32 {
        self.file
    }
    fn guard(&mut self) -> &mut Guard {
        &mut self.guard
    }
    fn lookup(&mut self, name: Symbol) -> Option<NameId> {
        let (world, file) = (self.world, self.file);
        *self.found.entry(name).or_insert_with(|| world.lookup(file, name))
    }
    fn local(&mut self, name: Symbol) -> Option<LocalMeaning> {
        Some(match self.scopes.get(name)? {
            Binding::Local(id) => {
                let ty = self.b.locals[id.index()].ty;
                match self.references.contains(&id) {
                    true => LocalMeaning::Variable(self.world.types.pointee(ty).unwrap_or(ty)),
                    false => LocalMeaning::Variable(ty),
                }
            }
            Binding::Global(_, ty) | Binding::Function(ty) => LocalMeaning::Variable(ty),
            Binding::Type(ty) => LocalMeaning::Type(ty),
            Binding::Constant(value) => LocalMeaning::Constant(value),
        })
    }
    fn local_tag(&mut self, tag: Symbol) -> Option<TypeId> {
        self.scopes.tag(tag)
    }
    fn bind_tag(&mut self, tag: Symbol, ty: TypeId) {
        self.scopes.bind_tag(tag, ty);
    }
    fn bind_constant(&mut self, name: Symbol, value: i64) {
        self.scopes.bind(name, Binding::Constant(value));
    }
    fn local_global(&mut self, name: Symbol) -> Option<(GlobalId, TypeId)> {
        match self.scopes.get(name)? {
            Binding::Global(id, ty) => Some((id, ty)),
            _ => None,
        }
    }
    fn in_function(&self) -> bool {
        true
    }
    fn class(&self) -> Option<Symbol> {
        self.class
    }
}

impl<'w> Lowerer<'w> {
    pub(crate) fn new(world: &'w World<'w>, file: u32) -> Self {
        Lowerer {
            world,
            file,
            guard: Guard::default(),
            found: FxHashMap::default(),
            builtins: FxHashMap::default(),
            statics: Vec::new(),
            undeclared: FxHashMap::default(),
            scopes: Scopes::default(),
            b: Builder::new(Span::NONE),
            jumps: Jumps::default(),
            references: FxHashSet::default(),
            function: Symbol::EMPTY,
            class: None,
            ret: TypeTable::VOID,
            returns_reference: false,
            nesting: 0,
        }
    }

    fn types(&self) -> &'w TypeTable {
        &self.world.types
    }

    /// Lowers one function. Whatever happens, there is a function with its gaps.
    pub(crate) fn function(&mut self, def: &FunctionDef) -> Function {
        self.start(def);
        let (is_variadic, params) = self.signature(def);
        self.b.params = params;
        self.constructor_inits(def);
        self.block(&def.body, false);
        self.close(def);
        let mut b = std::mem::replace(&mut self.b, Builder::new(Span::NONE));
        b.finish();
        Function {
            name: def.name,
            file: FileId(self.file),
            span: def.span,
            end_line: def.end_line,
            is_static: def.specs.is_static,
            is_variadic,
            is_noreturn: def.specs.is_noreturn || has_noreturn(&def.specs.attributes),
            ret: self.ret,
            params,
            locals: b.locals,
            blocks: b.blocks,
            gaps: b.gaps,
        }
    }

    fn start(&mut self, def: &FunctionDef) {
        self.scopes = Scopes::default();
        self.b = Builder::new(def.span);
        self.jumps = Jumps::default();
        self.references.clear();
        self.function = def.name;
        self.class = def.class;
        self.nesting = 0;
        self.guard = Guard::default();
        for error in &def.errors {
            self.b.gap(error.span, error.message.clone());
        }
        self.scopes.push();
    }

    /// Binds the parameters. Returns whether more may follow, and their number.
    fn signature(&mut self, def: &FunctionDef) -> (bool, u32) {
        let TypeExpr::Function { ret, params, variadic } = &def.ty else {
            // A function typed by a typedef has no named parameters.
            let ty = resolve_base(self, &def.ty);
            self.ret = match self.types().get(ty) {
                Type::Function { ret, .. } => *ret,
                _ => TypeTable::I32,
            };
            return (false, 0);
        };
        self.returns_reference = matches!(**ret, TypeExpr::Reference(_));
        self.ret = resolve_in(self, TypeTable::I32, ret);
        if let Some(class) = def.class
            && !def.specs.is_static
            && !self.world.static_methods.contains(&def.name)
        {
            self.bind_this(class);
        }
        for param in params {
            let ty = parameter_type(self, param);
            if ty == TypeTable::VOID && param.name.is_empty() {
                continue;
            }
            self.b.span = param.span;
            let id = self.b.local(param.name, ty);
            if matches!(param.ty, TypeExpr::Reference(_)) {
                self.references.insert(id);
            }
            if !param.name.is_empty() {
                self.scopes.bind(param.name, Binding::Local(id));
            }
        }
        (*variadic, self.b.locals.len() as u32)
    }

    /// Falling off the end returns; labels that computed jumps may reach are known now.
    fn close(&mut self, def: &FunctionDef) {
        self.b.span = Span::new(FileId(self.file), def.end_line, 1, 1);
        self.b.in_macro = Symbol::EMPTY;
        self.b.terminate(Terminator::Return(None));
        self.finish_jumps();
        self.scopes.pop();
    }

    /// A global of this file that has no declaration at file scope.
    fn add_static(&mut self, global: Global) -> GlobalId {
        self.statics.push(global);
        GlobalId(PROVISIONAL + self.statics.len() as u32 - 1)
    }

    fn global_type(&mut self, id: GlobalId) -> TypeId {
        match id.0.checked_sub(PROVISIONAL) {
            Some(own) => self.statics.get(own as usize).map_or(TypeTable::UNKNOWN, |g| g.ty),
            None => self.world.globals.get(id.index()).map_or(TypeTable::UNKNOWN, |g| g.ty),
        }
    }

    fn nested<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> Option<R> {
        if self.nesting >= MAX_NESTING {
            let span = self.b.span;
            if self.b.gaps.last().is_none_or(|gap| gap.span != span) {
                self.b.gap(span, "nested too deeply");
            }
            return None;
        }
        self.nesting += 1;
        let result = work(self);
        self.nesting -= 1;
        Some(result)
    }

    fn unreachable(&mut self) {
        self.b.terminate(Terminator::Unreachable);
    }

    fn start_block(&mut self, block: BlockId) {
        self.b.current = block;
    }

    fn zero(&self, ty: TypeId) -> Operand {
        Operand::Const(banbury_ir::Const::Int(0, ty))
    }

    fn opaque(&mut self) {
        self.b.emit(Op::Opaque);
    }
}

pub(crate) fn has_noreturn(attributes: &[Symbol]) -> bool {
    attributes.iter().any(|a| matches!(a.as_str(), "noreturn" | "__noreturn__" | "_Noreturn"))
}
