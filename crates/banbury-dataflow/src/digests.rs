//! Names for everything that the analysis of a function looks at, the same in every run. A
//! function whose digest and whose callees are as they were gives what it gave.

use banbury_base::{Digest, FileId, Span, StableHasher, Symbol};
use banbury_ir::{
    Base, Callee, Const, FuncId, Function, GlobalId, Index, Init, Op, Operand, Place, Program, Proj,
    RecordId, Rvalue, Terminator, Type, TypeId,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::graph::components;

pub(crate) struct Digests<'a> {
    program: &'a Program,
    /// By function: which one it is, not what is in it.
    pub identities: Vec<Digest>,
    /// How many records of the same name stand before it in its file.
    ordinals: Vec<u32>,
    /// With everything that the record leads to.
    pub records: Vec<Digest>,
    pub globals: Vec<Digest>,
}

impl<'a> Digests<'a> {
    /// `constant` says of each global whether nothing writes it.
    pub fn new(program: &'a Program, constant: &[bool]) -> Self {
        let mut digests = Digests {
            program,
            identities: identities(program),
            ordinals: record_ordinals(program),
            records: Vec::new(),
            globals: Vec::new(),
        };
        let count = program.types.record_count() as u32;
        let own: Vec<Digest> = (0..count).into_par_iter().map(|id| digests.record(RecordId(id))).collect();
        let mut edges = vec![Vec::new(); count as usize];
        for (id, edges) in edges.iter_mut().enumerate() {
            let Some(record) = program.types.record(RecordId(id as u32)) else { continue };
            record.fields.iter().for_each(|field| digests.records_of(field.ty, edges));
        }
        digests.records = with_reached(&own, edges);
        let own: Vec<Digest> =
            program.globals.par_iter().zip(constant).map(|(global, &c)| digests.global(global, c)).collect();
        let mut edges = vec![Vec::new(); program.globals.len()];
        for (global, edges) in program.globals.iter().zip(&mut edges) {
            globals_of(&global.init, edges);
        }
        digests.globals = with_reached(&own, edges);
        digests
    }

    /// The function's own text, and what it names. Lines are counted from its own first one, so
    /// that an edit above it changes nothing.
    pub fn text(&self, id: FuncId) -> Digest {
        let function = self.program.function(id);
        let mut text = Text {
            digests: self,
            file: function.file,
            first_line: function.span.line,
            hasher: StableHasher::new(),
        };
        text.digest(self.identities[id.index()]).function(function);
        text.hasher.finish()
    }

    /// Which record it is, and what is in it.
    pub fn record_identity(&self, id: RecordId) -> Digest {
        self.records.get(id.0 as usize).copied().unwrap_or_default()
    }

    fn path(&self, span: Span) -> &'a str {
        self.program.file_paths.get(span.file.index()).map_or("", String::as_str)
    }

    /// For what stands outside of functions.
    fn outside(&self) -> Text<'_, 'a> {
        Text { digests: self, file: FileId::NONE, first_line: 0, hasher: StableHasher::new() }
    }

    fn record(&self, id: RecordId) -> Digest {
        let mut text = self.outside();
        if let Some(record) = self.program.types.record(id) {
            text.hasher.str(self.path(record.span));
            text.number(u64::from(self.ordinals[id.0 as usize]));
            text.name(record.name).number(record.kind as u64).option(record.size);
            text.number(u64::from(record.align)).number(record.fields.len() as u64);
            for field in &record.fields {
                text.name(field.name).ty(field.ty).option(field.offset);
                text.option(field.bits.map(u64::from));
            }
            record.bases.iter().for_each(|base| {
                text.name(*base);
            });
        }
        text.hasher.finish()
    }

    fn records_of(&self, ty: TypeId, out: &mut Vec<u32>) {
        match self.program.types.get(ty) {
            Type::Pointer(to) | Type::Array(to, _) => self.records_of(*to, out),
            Type::Record(record) => out.push(record.0),
            Type::Function { ret, params, .. } => {
                self.records_of(*ret, out);
                params.iter().for_each(|&param| self.records_of(param, out));
            }
            _ => {}
        }
    }

    fn global(&self, global: &banbury_ir::Global, constant: bool) -> Digest {
        let mut text = self.outside();
        text.name(global.name).ty(global.ty).span(global.span);
        for flag in [global.is_static, global.is_const, global.is_extern, constant] {
            text.number(u64::from(flag));
        }
        text.init(&global.init);
        text.hasher.finish()
    }
}

fn identities(program: &Program) -> Vec<Digest> {
    let mut ordinals: FxHashMap<(FileId, Symbol), u64> = FxHashMap::default();
    let identity = |function: &Function| {
        let ordinal = ordinals.entry((function.file, function.name)).or_default();
        *ordinal += 1;
        let path = program.file_paths.get(function.file.index()).map_or("", String::as_str);
        let mut hasher = StableHasher::new();
        hasher.str(path).str(function.name.as_str()).u64(*ordinal << 1 | u64::from(function.is_static));
        hasher.finish()
    };
    program.functions.iter().map(identity).collect()
}

fn record_ordinals(program: &Program) -> Vec<u32> {
    let mut known: FxHashMap<(FileId, Symbol), u32> = FxHashMap::default();
    let ordinal = |id: usize| match program.types.record(RecordId(id as u32)) {
        // Those that are only named come in no order, and a name is one record.
        Some(record) if !record.span.is_none() => {
            let ordinal = known.entry((record.span.file, record.name)).or_default();
            *ordinal += 1;
            *ordinal
        }
        _ => 0,
    };
    (0..program.types.record_count()).map(ordinal).collect()
}

fn globals_of(init: &Init, out: &mut Vec<u32>) {
    match init {
        Init::Const(Const::GlobalAddr(id, _)) => out.push(id.0),
        Init::List(entries) => entries.iter().for_each(|(_, entry)| globals_of(entry, out)),
        _ => {}
    }
}

/// Digests of nodes together with all that they lead to. Those on a circle are one.
fn with_reached(own: &[Digest], edges: Vec<Vec<u32>>) -> Vec<Digest> {
    let mut all = vec![Digest::default(); own.len()];
    let mut done = vec![false; own.len()];
    // Callees first: what a component leads to is done.
    for component in components(edges.len(), |from, nth| edges[from].get(nth).map(|&to| to as usize)) {
        let mut parts: Vec<Digest> = component.iter().map(|&node| own[node as usize]).collect();
        for &node in &component {
            let reached = edges[node as usize].iter().filter(|&&to| done[to as usize]);
            parts.extend(reached.map(|&to| all[to as usize]));
        }
        parts.sort_unstable();
        parts.dedup();
        let mut hasher = StableHasher::new();
        for part in parts {
            hasher.u64(part.0 as u64).u64((part.0 >> 64) as u64);
        }
        for &node in &component {
            let mut node_hasher = hasher.clone();
            let own = own[node as usize].0;
            all[node as usize] = node_hasher.u64(own as u64).u64((own >> 64) as u64).finish();
        }
        component.iter().for_each(|&node| done[node as usize] = true);
    }
    all
}

/// Writes the parts of a function, each framed by what it is.
struct Text<'d, 'a> {
    digests: &'d Digests<'a>,
    /// Most places are in the function's own file, which need not be named again.
    file: FileId,
    first_line: u32,
    hasher: StableHasher,
}

impl Text<'_, '_> {
    fn number(&mut self, value: u64) -> &mut Self {
        self.hasher.u64(value);
        self
    }

    fn wide(&mut self, value: i128) -> &mut Self {
        self.number(value as u64).number((value >> 64) as u64)
    }

    fn option(&mut self, value: Option<u64>) -> &mut Self {
        self.number(u64::from(value.is_some())).number(value.unwrap_or(0))
    }

    fn digest(&mut self, digest: Digest) -> &mut Self {
        self.number(digest.0 as u64).number((digest.0 >> 64) as u64)
    }

    fn name(&mut self, name: Symbol) -> &mut Self {
        self.hasher.str(name.as_str());
        self
    }

    fn span(&mut self, span: Span) -> &mut Self {
        self.number(u64::from(span.file != self.file));
        if span.file != self.file {
            self.hasher.str(self.digests.path(span));
        }
        self.place_in_file(span)
    }

    fn place_in_file(&mut self, span: Span) -> &mut Self {
        let first = if span.file == self.file { self.first_line } else { 0 };
        self.number(u64::from(span.line.wrapping_sub(first)))
            .number(u64::from(span.col) << 16 | u64::from(span.len))
    }

    fn ty(&mut self, ty: TypeId) -> &mut Self {
        let types = &self.digests.program.types;
        match types.get(ty) {
            Type::Unknown => self.number(0),
            Type::Void => self.number(1),
            Type::Bool => self.number(2),
            Type::Int { bits, signed } => self.number(3).number(u64::from(*bits) << 1 | u64::from(*signed)),
            Type::Float(kind) => self.number(4).number(*kind as u64),
            Type::Pointer(to) => self.number(5).ty(*to),
            Type::Array(of, count) => self.number(6).option(*count).ty(*of),
            Type::Record(record) => {
                self.number(7);
                self.record(*record)
            }
            Type::Function { ret, params, variadic } => {
                self.number(8).number(u64::from(*variadic)).number(params.len() as u64).ty(*ret);
                params.iter().for_each(|&param| {
                    self.ty(param);
                });
                self
            }
        }
    }

    /// By its name only while the digests of records are being made.
    fn record(&mut self, id: RecordId) -> &mut Self {
        match self.digests.records.get(id.0 as usize) {
            Some(digest) => self.digest(*digest),
            None => {
                let record = self.digests.program.types.record(id);
                self.name(record.map_or(Symbol::EMPTY, |r| r.name))
            }
        }
    }

    fn global(&mut self, id: GlobalId) -> &mut Self {
        match self.digests.globals.get(id.index()) {
            Some(digest) => self.digest(*digest),
            None => {
                let global = self.digests.program.globals.get(id.index());
                self.name(global.map_or(Symbol::EMPTY, |g| g.name))
            }
        }
    }

    fn function(&mut self, f: &Function) {
        let lines = f.end_line.wrapping_sub(self.first_line);
        self.span(f.span).number(u64::from(lines)).ty(f.ret);
        for flag in [f.is_static, f.is_variadic, f.is_noreturn] {
            self.number(u64::from(flag));
        }
        self.number(u64::from(f.params)).number(f.locals.len() as u64);
        for local in &f.locals {
            self.name(local.name).ty(local.ty).place_in_file(local.span);
        }
        for gap in &f.gaps {
            self.place_in_file(gap.span);
        }
        for block in &f.blocks {
            self.number(block.instrs.len() as u64);
            for instr in &block.instrs {
                self.span(instr.span).name(instr.in_macro);
                self.op(&instr.op);
            }
            self.span(block.term_span).name(block.term_macro);
            self.terminator(&block.term);
        }
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::Assign { dst, src } => {
                self.number(1).place(dst);
                self.rvalue(src);
            }
            Op::Call { dst, callee, args } => {
                self.number(2).number(u64::from(dst.is_some())).number(args.len() as u64);
                dst.iter().for_each(|dst| self.place(dst));
                match callee {
                    Callee::Direct(name) => {
                        self.number(1).name(*name);
                    }
                    Callee::Indirect(pointer) => self.number(2).operand(pointer),
                    Callee::Virtual(class, method) => {
                        self.number(3).name(*class).name(*method);
                    }
                }
                args.iter().for_each(|arg| self.operand(arg));
            }
            Op::Declare(id) => {
                self.number(3).number(u64::from(id.0));
            }
            Op::Dead(id) => {
                self.number(4).number(u64::from(id.0));
            }
            Op::Zero(place) => self.number(5).place(place),
            Op::Opaque => {
                self.number(6);
            }
        }
    }

    fn rvalue(&mut self, rvalue: &Rvalue) {
        match rvalue {
            Rvalue::Use(a) => self.number(1).operand(a),
            Rvalue::Unary(op, a) => self.number(2).number(*op as u64).operand(a),
            Rvalue::Binary(op, a, b) => {
                self.number(3).number(*op as u64).operand(a);
                self.operand(b);
            }
            Rvalue::Cast(ty, a) => self.number(4).ty(*ty).operand(a),
            Rvalue::AddrOf(place) => self.number(5).place(place),
            Rvalue::PtrAdd { ptr, index, elem, negative } => {
                self.number(6).number(u64::from(*negative)).ty(*elem).operand(ptr);
                self.operand(index);
            }
        }
    }

    fn place(&mut self, place: &Place) {
        match place.base {
            Base::Local(id) => self.number(1).number(u64::from(id.0)),
            Base::Global(id) => self.number(2).global(id),
        };
        self.number(place.proj.len() as u64);
        for proj in &place.proj {
            match proj {
                Proj::Deref => {
                    self.number(1);
                }
                Proj::At(index) => self.number(2).index(*index),
                Proj::Elem(index) => self.number(3).index(*index),
                Proj::Field(field) => {
                    self.number(4).name(field.name).number(u64::from(field.index));
                    match field.record {
                        Some(record) => self.number(1).record(record),
                        None => self.number(0),
                    };
                }
            }
        }
    }

    fn index(&mut self, index: Index) {
        match index {
            Index::Const(k) => self.number(1).number(k as u64),
            Index::Local(id) => self.number(2).number(u64::from(id.0)),
        };
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Copy(place) => self.number(1).place(place),
            Operand::Const(constant) => self.number(2).constant(constant),
        }
    }

    fn constant(&mut self, constant: &Const) {
        match constant {
            Const::Int(k, ty) => self.number(1).number(*k as u64).ty(*ty),
            Const::Float(k, ty) => self.number(2).number(k.to_bits()).ty(*ty),
            Const::Str { text, len, wide } => {
                self.number(3).name(*text).number(u64::from(*len)).number(u64::from(*wide))
            }
            Const::Func(name) => self.number(4).name(*name),
            Const::GlobalAddr(id, offset) => self.number(5).number(*offset as u64).global(*id),
            Const::UnknownInt(ty) => self.number(6).ty(*ty),
        };
    }

    fn init(&mut self, init: &Init) {
        match init {
            Init::Zero => {
                self.number(1);
            }
            Init::Const(constant) => self.number(2).constant(constant),
            Init::List(entries) => {
                self.number(3).number(entries.len() as u64);
                for (position, entry) in entries {
                    self.number(u64::from(*position)).init(entry);
                }
            }
            Init::Unknown => {
                self.number(4);
            }
        }
    }

    fn terminator(&mut self, term: &Terminator) {
        match term {
            Terminator::Goto(to) => {
                self.number(1).number(u64::from(to.0));
            }
            Terminator::Branch { cond, then, other } => {
                self.number(2).number(u64::from(then.0)).number(u64::from(other.0)).operand(cond);
            }
            Terminator::Switch { value, cases, default } => {
                self.number(3).number(u64::from(default.0)).number(cases.len() as u64);
                for &(lo, hi, to) in cases {
                    self.wide(lo).wide(hi).number(u64::from(to.0));
                }
                self.operand(value);
            }
            Terminator::Return(value) => {
                self.number(4).number(u64::from(value.is_some()));
                value.iter().for_each(|value| self.operand(value));
            }
            Terminator::Unreachable => {
                self.number(5);
            }
        }
    }
}
