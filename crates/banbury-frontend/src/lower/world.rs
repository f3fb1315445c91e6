//! Every declaration of the release at file scope, found by name from the file that asks.

use std::sync::{OnceLock, RwLock};

use banbury_base::{Span, Symbol};
use banbury_ir::{Global, GlobalId, Init, Record, RecordId, RecordKind, TypeId, TypeTable};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::has_noreturn;
use crate::ast::{
    Decl, DeclSpecs, Declarator, EnumSpec, FunctionDef, Member, Param, RecordSpec, TranslationUnit, TypeExpr,
    VarDecl,
};

/// A file as far as name lookup needs to know it.
pub(crate) struct FileInfo {
    pub path: String,
    pub is_cpp: bool,
    /// Files it includes, directly or not, sorted.
    pub closure: Vec<u32>,
    pub is_header: bool,
}

/// Index into [`World::entries`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NameId(pub u32);

pub(crate) struct NameEntry<'a> {
    pub file: u32,
    pub kind: NameKind<'a>,
    /// The resolved type, once somebody has asked.
    pub ty: OnceLock<TypeId>,
    /// The value of a constant variable, once somebody has asked.
    pub constant: OnceLock<Option<(i64, TypeId)>>,
}

pub(crate) enum NameKind<'a> {
    Typedef {
        base: &'a TypeExpr,
        ty: &'a TypeExpr,
    },
    Constant {
        set: u32,
        position: u32,
    },
    Variable {
        specs: &'a DeclSpecs,
        base: &'a TypeExpr,
        declarator: &'a Declarator,
    },
    Function {
        specs: &'a DeclSpecs,
        base: Option<&'a TypeExpr>,
        ty: &'a TypeExpr,
        attributes: &'a [Symbol],
        defined: bool,
    },
}

/// What a struct, union or enum tag names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tag {
    Record(RecordId),
    Enum(u32),
}

pub(crate) struct RecordEntry<'a> {
    pub file: u32,
    pub spec: &'a RecordSpec,
    /// The tag, or the name of the typedef that introduces an untagged record.
    pub name: Symbol,
}

pub(crate) struct EnumEntry<'a> {
    pub file: u32,
    pub spec: &'a EnumSpec,
    pub values: OnceLock<Box<[i64]>>,
}

/// Name and template arguments.
type OpaqueKey = (Symbol, Box<[TypeId]>);

type Candidates<T> = SmallVec<[(u32, T); 1]>;

/// All declarations. It borrows the syntax trees of the first pass, which must outlive it.
pub(crate) struct World<'a> {
    pub types: TypeTable,
    pub files: Vec<FileInfo>,
    /// The built-in declarations of the system's libraries.
    pub prelude: u32,
    pub entries: Vec<NameEntry<'a>>,
    pub records: Vec<RecordEntry<'a>>,
    pub enums: Vec<EnumEntry<'a>>,
    pub globals: Vec<Global>,
    names: FxHashMap<Symbol, Candidates<NameId>>,
    tags: FxHashMap<Symbol, Candidates<Tag>>,
    record_ids: FxHashMap<usize, RecordId>,
    /// Global of each variable entry, by entry.
    entry_global: FxHashMap<u32, GlobalId>,
    /// Definitions of external variables by name, where they differ from the entry's own.
    definitions: FxHashMap<Symbol, SmallVec<[(u32, GlobalId); 1]>>,
    /// C++ (class, method) pairs that are virtual.
    pub virtuals: FxHashSet<(Symbol, Symbol)>,
    pub static_methods: FxHashSet<Symbol>,
    /// Functions declared not to return: where, and whether only there.
    noreturn: FxHashMap<Symbol, Vec<(u32, bool)>>,
    /// Records that are only named: by tag and template arguments.
    opaque: RwLock<FxHashMap<OpaqueKey, RecordId>>,
    template_arguments: RwLock<FxHashMap<RecordId, Box<[TypeId]>>>,
}

/// Identity of a definition in the trees of the first pass.
fn address<T>(item: &T) -> usize {
    std::ptr::from_ref(item) as usize
}

pub(crate) fn is_header(path: &str) -> bool {
    matches!(path.rsplit('.').next(), Some("h" | "hh" | "hpp" | "hxx" | "inc" | "ipp"))
}

fn common_directories(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(x, y)| x == y).count()
}

impl<'a> World<'a> {
    /// Collects the declarations of `units`, one per entry of `files`.
    pub fn collect(units: &'a [TranslationUnit], files: Vec<FileInfo>, prelude: u32, pointer: u64) -> Self {
        let mut world = World {
            types: TypeTable::new(pointer),
            files,
            prelude,
            entries: Vec::new(),
            records: Vec::new(),
            enums: Vec::new(),
            globals: Vec::new(),
            names: FxHashMap::default(),
            tags: FxHashMap::default(),
            record_ids: FxHashMap::default(),
            entry_global: FxHashMap::default(),
            definitions: FxHashMap::default(),
            virtuals: FxHashSet::default(),
            static_methods: FxHashSet::default(),
            noreturn: FxHashMap::default(),
            opaque: RwLock::default(),
            template_arguments: RwLock::default(),
        };
        for (file, unit) in units.iter().enumerate() {
            for decl in &unit.decls {
                world.collect_decl(file as u32, decl);
            }
        }
        world.entries.shrink_to_fit();
        world.number_globals();
        world
    }

    fn collect_decl(&mut self, file: u32, decl: &'a Decl) {
        match decl {
            Decl::Function(function) => self.collect_function(file, function),
            Decl::Vars(vars) => self.collect_vars(file, vars),
            Decl::Class(spec) => self.collect_record(file, spec, Symbol::EMPTY),
        }
    }

    fn collect_function(&mut self, file: u32, function: &'a FunctionDef) {
        self.walk_type(file, &function.ty, Symbol::EMPTY);
        let kind = NameKind::Function {
            specs: &function.specs,
            base: None,
            ty: &function.ty,
            attributes: &function.specs.attributes,
            defined: true,
        };
        self.add_name(file, function.name, kind);
    }

    fn collect_vars(&mut self, file: u32, vars: &'a VarDecl) {
        // An untagged record takes the name of the typedef that is exactly it.
        let naming =
            vars.declarators.iter().find(|d| vars.specs.is_typedef && matches!(d.ty, TypeExpr::Base));
        self.walk_type(file, &vars.base, naming.map_or(Symbol::EMPTY, |d| d.name));
        for declarator in &vars.declarators {
            self.walk_type(file, &declarator.ty, Symbol::EMPTY);
            if !declarator.name.is_empty() {
                let kind = Self::kind_of(vars, declarator);
                self.add_name(file, declarator.name, kind);
            }
        }
    }

    fn kind_of(vars: &'a VarDecl, declarator: &'a Declarator) -> NameKind<'a> {
        if vars.specs.is_typedef {
            return NameKind::Typedef { base: &vars.base, ty: &declarator.ty };
        }
        match declarator.ty {
            TypeExpr::Function { .. } => NameKind::Function {
                specs: &vars.specs,
                base: Some(&vars.base),
                ty: &declarator.ty,
                attributes: &declarator.attributes,
                defined: false,
            },
            _ => NameKind::Variable { specs: &vars.specs, base: &vars.base, declarator },
        }
    }

    fn add_name(&mut self, file: u32, name: Symbol, kind: NameKind<'a>) {
        let id = NameId(self.entries.len() as u32);
        if let NameKind::Function { specs, attributes, .. } = &kind
            && (specs.is_noreturn || has_noreturn(&specs.attributes) || has_noreturn(attributes))
        {
            self.noreturn.entry(name).or_default().push((file, specs.is_static));
        }
        self.entries.push(NameEntry { file, kind, ty: OnceLock::new(), constant: OnceLock::new() });
        self.names.entry(name).or_default().push((file, id));
    }

    /// Registers the records and enums that a type defines.
    fn walk_type(&mut self, file: u32, ty: &'a TypeExpr, naming: Symbol) {
        match ty {
            TypeExpr::Record(spec) if spec.members.is_some() => self.collect_record(file, spec, naming),
            TypeExpr::Enum(spec) if spec.constants.is_some() => self.collect_enum(file, spec),
            TypeExpr::Pointer(to) | TypeExpr::Reference(to) | TypeExpr::Array(to, _) => {
                self.walk_type(file, to, Symbol::EMPTY);
            }
            TypeExpr::Function { ret, params, .. } => {
                self.walk_type(file, ret, Symbol::EMPTY);
                for Param { base, ty, .. } in params {
                    self.walk_type(file, base, Symbol::EMPTY);
                    self.walk_type(file, ty, Symbol::EMPTY);
                }
            }
            _ => {}
        }
    }

    fn collect_record(&mut self, file: u32, spec: &'a RecordSpec, naming: Symbol) {
        let Some(members) = &spec.members else { return };
        if self.record_ids.contains_key(&address(spec)) {
            return;
        }
        let id = self.types.declare_record();
        let name = if spec.tag.is_empty() { naming } else { spec.tag };
        self.records.push(RecordEntry { file, spec, name });
        self.record_ids.insert(address(spec), id);
        if !spec.tag.is_empty() {
            self.tags.entry(spec.tag).or_default().push((file, Tag::Record(id)));
        }
        for member in members {
            match member {
                Member::Field(vars) => {
                    self.walk_type(file, &vars.base, Symbol::EMPTY);
                    for declarator in &vars.declarators {
                        self.walk_type(file, &declarator.ty, Symbol::EMPTY);
                    }
                    if vars.specs.is_static {
                        self.collect_static_members(file, spec.tag, vars);
                    }
                }
                Member::Method { name, is_virtual, is_static, ty } => {
                    self.collect_method(file, spec, *name, (*is_virtual, *is_static), ty);
                }
            }
        }
    }

    fn collect_static_members(&mut self, file: u32, class: Symbol, vars: &'a VarDecl) {
        for declarator in &vars.declarators {
            let name = Symbol::new(&format!("{class}::{}", declarator.name));
            let kind = NameKind::Variable { specs: &vars.specs, base: &vars.base, declarator };
            self.add_name(file, name, kind);
        }
    }

    fn collect_method(
        &mut self,
        file: u32,
        spec: &'a RecordSpec,
        name: Symbol,
        (is_virtual, is_static): (bool, bool),
        ty: &'a TypeExpr,
    ) {
        let qualified = match name.as_str().contains("::") {
            true => name,
            false => Symbol::new(&format!("{}::{name}", spec.tag)),
        };
        let plain = Symbol::new(qualified.as_str().rsplit("::").next().unwrap_or_default());
        if is_virtual {
            self.virtuals.insert((spec.tag, plain));
        }
        if is_static {
            self.static_methods.insert(qualified);
        }
        let kind = NameKind::Function { specs: &NO_SPECS, base: None, ty, attributes: &[], defined: false };
        self.add_name(file, qualified, kind);
    }

    fn collect_enum(&mut self, file: u32, spec: &'a EnumSpec) {
        let Some(constants) = &spec.constants else { return };
        let set = self.enums.len() as u32;
        self.enums.push(EnumEntry { file, spec, values: OnceLock::new() });
        if !spec.tag.is_empty() {
            self.tags.entry(spec.tag).or_default().push((file, Tag::Enum(set)));
        }
        for (position, (name, _)) in constants.iter().enumerate() {
            self.add_name(file, *name, NameKind::Constant { set, position: position as u32 });
        }
    }

    /// Whether the function that `name` means in `file` is declared not to return.
    pub fn is_noreturn(&self, file: u32, name: Symbol) -> bool {
        let Some(declared) = self.noreturn.get(&name) else { return false };
        let closure = &self.files[file as usize].closure;
        declared.iter().any(|(at, is_static)| !is_static || *at == file || closure.binary_search(at).is_ok())
    }

    /// The record that this very definition declares, if it stands at file scope.
    pub fn record_of(&self, spec: &RecordSpec) -> Option<RecordId> {
        self.record_ids.get(&address(spec)).copied()
    }

    /// The declaration of `name` that `file` sees: its own, one out of its includes, one of the
    /// system's libraries, or else the nearest one.
    pub fn lookup(&self, file: u32, name: Symbol) -> Option<NameId> {
        let candidates = self.names.get(&name)?;
        let usable = |id: &NameId| self.visible_afar(*id);
        let index = self.choose(file, candidates, usable, |id| self.rank(*id))?;
        Some(candidates[index].1)
    }

    /// The definition that a tag means in `file`.
    pub fn lookup_tag(&self, file: u32, tag: Symbol) -> Option<Tag> {
        let candidates = self.tags.get(&tag)?;
        let index = self.choose(file, candidates, |_| true, |_| 0)?;
        Some(candidates[index].1)
    }

    /// Whether `name` is that of a class and of nothing else in a C++ file.
    pub fn is_class_name(&self, file: u32, name: Symbol) -> bool {
        self.files[file as usize].is_cpp
            && matches!(self.lookup_tag(file, name), Some(Tag::Record(_)))
            && self.lookup(file, name).is_none()
    }

    /// Of several declarations in one file, one with a body or an initialiser tells most.
    fn rank(&self, id: NameId) -> u32 {
        match &self.entries[id.0 as usize].kind {
            NameKind::Function { defined, base, .. } => 1 + u32::from(*defined) + u32::from(base.is_some()),
            NameKind::Variable { declarator, specs, .. } => {
                1 + u32::from(!specs.is_extern) + 2 * u32::from(declarator.init.is_some())
            }
            NameKind::Typedef { .. } | NameKind::Constant { .. } => 5,
        }
    }

    fn choose<T>(
        &self,
        file: u32,
        candidates: &[(u32, T)],
        usable: impl Fn(&T) -> bool,
        rank: impl Fn(&T) -> u32,
    ) -> Option<usize> {
        if let [(at, only)] = candidates {
            return (*at == file || self.files[*at as usize].is_header || usable(only)).then_some(0);
        }
        // Candidates are in the order of their files, and a file's own win.
        let first = candidates.partition_point(|(at, _)| *at < file);
        let own = candidates[first..].iter().take_while(|(at, _)| *at == file).count();
        if own > 0 {
            let best = (first..first + own).rev().max_by_key(|&index| rank(&candidates[index].1));
            return best;
        }
        let closure = &self.files.get(file as usize)?.closure;
        let path = self.files[file as usize].path.as_str();
        let mut best: Option<((usize, usize, u32), usize)> = None;
        for (index, (at, item)) in candidates.iter().enumerate() {
            let near = match *at {
                at if closure.binary_search(&at).is_ok() => (4, 0),
                at if at == self.prelude => (3, 0),
                at if self.files[at as usize].is_header => {
                    (2, common_directories(path, &self.files[at as usize].path))
                }
                at if usable(item) => (1, common_directories(path, &self.files[at as usize].path)),
                _ => continue,
            };
            let score = (near.0, near.1, rank(item));
            if best.is_none_or(|(top, _)| score > top) {
                best = Some((score, index));
            }
        }
        best.map(|(_, index)| index)
    }

    /// A `static` declaration of another source file is out of reach.
    fn visible_afar(&self, id: NameId) -> bool {
        match &self.entries[id.0 as usize].kind {
            NameKind::Variable { specs, .. } | NameKind::Function { specs, .. } => !specs.is_static,
            NameKind::Typedef { .. } | NameKind::Constant { .. } => true,
        }
    }

    /// Whether `name` is a type in `file`; `None` if nothing declares it.
    pub fn is_typedef(&self, file: u32, name: Symbol) -> Option<bool> {
        let candidates = self.names.get(&name)?;
        let is_type = |id: NameId| matches!(self.entries[id.0 as usize].kind, NameKind::Typedef { .. });
        match candidates.as_slice() {
            [(_, only)] => Some(is_type(*only)),
            _ => self.lookup(file, name).map(is_type),
        }
    }

    /// Numbers variables by (file, order); what several files declare is one global.
    fn number_globals(&mut self) {
        let mut own: FxHashMap<(u32, Symbol), GlobalId> = FxHashMap::default();
        let mut externs: Vec<(u32, u32, Symbol)> = Vec::new();
        for index in 0..self.entries.len() {
            let entry = &self.entries[index];
            let NameKind::Variable { specs, declarator, .. } = &entry.kind else { continue };
            let (file, name) = (entry.file, declarator.name);
            if specs.is_extern && declarator.init.is_none() {
                externs.push((index as u32, file, name));
                continue;
            }
            let global = blank_global(declarator, specs, false);
            let id = *own.entry((file, name)).or_insert_with(|| {
                self.globals.push(global);
                GlobalId(self.globals.len() as u32 - 1)
            });
            self.entry_global.insert(index as u32, id);
            if !specs.is_static {
                let known = self.definitions.entry(name).or_default();
                if known.last() != Some(&(file, id)) {
                    known.push((file, id));
                }
            }
        }
        for (index, file, name) in externs {
            let id = match own.get(&(file, name)) {
                Some(&id) => id,
                None => self.extern_global(index, file, name),
            };
            self.entry_global.insert(index, id);
        }
    }

    fn extern_global(&mut self, index: u32, file: u32, name: Symbol) -> GlobalId {
        if let Some(known) = self.definitions.get(&name) {
            return self.nearest(file, known).unwrap_or(known[0].1);
        }
        let NameKind::Variable { specs, declarator, .. } = &self.entries[index as usize].kind else {
            return GlobalId(0);
        };
        let id = GlobalId(self.globals.len() as u32);
        self.globals.push(blank_global(declarator, specs, true));
        self.definitions.entry(name).or_default().push((file, id));
        id
    }

    fn nearest(&self, file: u32, known: &[(u32, GlobalId)]) -> Option<GlobalId> {
        let path = self.files.get(file as usize).map_or("", |f| f.path.as_str());
        let mut best = None;
        for &(at, id) in known {
            let common = common_directories(path, &self.files[at as usize].path);
            if at == file {
                return Some(id);
            }
            if best.is_none_or(|(score, _)| common > score) {
                best = Some((common, id));
            }
        }
        best.map(|(_, id)| id)
    }

    /// The global that the variable `name`, declared by `entry`, is in `file`.
    pub fn global_of(&self, file: u32, name: Symbol, entry: NameId) -> Option<GlobalId> {
        let declared = &self.entries[entry.0 as usize];
        if let NameKind::Variable { specs, .. } = &declared.kind
            && specs.is_extern
            && let Some(known) = self.definitions.get(&name)
            && known.len() > 1
        {
            return self.nearest(file, known);
        }
        self.entry_global.get(&entry.0).copied()
    }

    /// Files that declare each global, with the entry that tells most about it.
    pub fn global_entries(&self) -> Vec<Option<NameId>> {
        let mut best: Vec<Option<(u32, NameId)>> = vec![None; self.globals.len()];
        for index in 0..self.entries.len() as u32 {
            let Some(&global) = self.entry_global.get(&index) else { continue };
            let rank = self.rank(NameId(index));
            let slot = &mut best[global.index()];
            if slot.is_none_or(|(top, _)| rank > top) {
                *slot = Some((rank, NameId(index)));
            }
        }
        best.into_iter().map(|b| b.map(|(_, id)| id)).collect()
    }

    /// The tables that outlive the syntax trees.
    pub fn into_parts(self) -> (TypeTable, Vec<Global>) {
        (self.types, self.globals)
    }

    /// A record of which only the name is known, or a class of a library with its template
    /// arguments.
    pub fn opaque_record(&self, name: Symbol, kind: RecordKind, arguments: &[TypeId]) -> RecordId {
        let key = (name, Box::from(arguments));
        if let Some(&id) = self.opaque.read().unwrap_or_else(|e| e.into_inner()).get(&key) {
            return id;
        }
        let mut opaque = self.opaque.write().unwrap_or_else(|e| e.into_inner());
        let id = *opaque.entry(key).or_insert_with(|| {
            let (fields, bases) = (Vec::new(), Vec::new());
            self.types.add_record(Record {
                kind,
                name,
                span: Span::NONE,
                fields,
                bases,
                size: None,
                align: 1,
            })
        });
        if !arguments.is_empty() {
            let mut known = self.template_arguments.write().unwrap_or_else(|e| e.into_inner());
            known.entry(id).or_insert_with(|| Box::from(arguments));
        }
        id
    }

    /// Whether the record is defined at file scope.
    pub fn is_declared(&self, record: RecordId) -> bool {
        (record.0 as usize) < self.records.len()
    }

    /// The template arguments of a record of which only the name is known.
    pub fn arguments_of(&self, record: RecordId) -> Vec<TypeId> {
        let known = self.template_arguments.read().unwrap_or_else(|e| e.into_inner());
        known.get(&record).map_or_else(Vec::new, |arguments| arguments.to_vec())
    }

    /// The first template argument of a library's class: what a container holds.
    pub fn element_of(&self, record: RecordId) -> Option<TypeId> {
        let known = self.template_arguments.read().unwrap_or_else(|e| e.into_inner());
        known.get(&record).and_then(|arguments| arguments.first().copied())
    }
}

static NO_SPECS: DeclSpecs = DeclSpecs {
    is_typedef: false,
    is_static: false,
    is_extern: false,
    is_inline: false,
    is_const: false,
    is_noreturn: false,
    is_virtual: false,
    attributes: Vec::new(),
};

fn blank_global(declarator: &Declarator, specs: &DeclSpecs, is_extern: bool) -> Global {
    Global {
        name: declarator.name,
        ty: TypeTable::UNKNOWN,
        span: declarator.span,
        is_static: specs.is_static,
        is_const: specs.is_const && is_plain(&declarator.ty),
        is_extern,
        init: Init::Unknown,
    }
}

/// Whether `const` in the specifiers makes the variable itself constant (not what it points to).
pub(crate) fn is_plain(ty: &TypeExpr) -> bool {
    match ty {
        TypeExpr::Array(of, _) => is_plain(of),
        TypeExpr::Pointer(_) | TypeExpr::Reference(_) | TypeExpr::Function { .. } => false,
        _ => true,
    }
}
