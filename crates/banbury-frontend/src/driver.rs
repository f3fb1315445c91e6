//! From files to a program: what is declared where, then each function by itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use banbury_base::{FileId, Symbol};
use banbury_ir::{
    Base, Block, Callee, Const, FuncId, Function, Gap, Global, GlobalId, Init, Op, Operand, Place, Program,
    Rvalue, Terminator,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::ast::{Decl, FunctionDef, TranslationUnit};
use crate::lower::world::{FileInfo, World, is_header};
use crate::lower::{FileEnv, Lowerer, PRELUDE, PROVISIONAL, ensure_defined, initialise_globals};
use crate::parser::{Mode, parse};
use crate::preprocess::Preprocessor;
use crate::{Coverage, FileCoverage, Language, Options, SourceFile};

/// Stands for the built-in declarations in the list of files.
const PRELUDE_PATH: &str = "<prelude>";

/// Reads all files of a release. What could not be understood is in the functions' gaps and in
/// the coverage. The result is the same for any number of threads.
pub fn build(files: &[SourceFile], options: &Options) -> (Program, Coverage) {
    let mut all: Vec<SourceFile> = files.to_vec();
    all.push(SourceFile {
        path: PRELUDE_PATH.to_owned(),
        text: Arc::from(PRELUDE.as_bytes()),
        language: Language::C,
    });
    let prelude = files.len() as u32;
    let preprocessor = Preprocessor::new(&all, options);
    let mut front =
        Front { languages: all.iter().map(|f| f.language).collect(), preprocessor: &preprocessor };
    let mut surveyed: Vec<Surveyed> = (0..all.len()).into_par_iter().map(|file| front.survey(file)).collect();
    for file in headers_of_cpp(&all, &surveyed) {
        front.languages[file] = Language::Cpp;
        surveyed[file] = front.survey(file);
    }
    let mut units = Vec::with_capacity(surveyed.len());
    let mut infos = Vec::with_capacity(surveyed.len());
    let mut coverage = Vec::with_capacity(surveyed.len());
    for ((surveyed, file), language) in surveyed.into_iter().zip(&all).zip(&front.languages) {
        units.push(surveyed.unit);
        infos.push(FileInfo {
            path: file.path.clone(),
            is_cpp: *language == Language::Cpp,
            is_header: is_header(&file.path),
            closure: surveyed.closure,
        });
        coverage.push(surveyed.coverage);
    }
    let (program, lowered_coverage) = link(&front, &units, infos, prelude, options);
    for (known, more) in coverage.iter_mut().zip(lowered_coverage) {
        (known.functions, known.partial) = (more.functions, more.partial);
        known.errors.extend(more.errors);
        known.errors.sort();
        known.errors.dedup();
    }
    coverage.truncate(files.len());
    // The trees are large and nobody reads them any more.
    rayon::spawn(move || drop(units));
    (program, coverage)
}

/// Headers taken for C that only C++ includes.
fn headers_of_cpp(files: &[SourceFile], surveyed: &[Surveyed]) -> Vec<usize> {
    let mut users = vec![(false, false); files.len()];
    for (file, surveyed) in files.iter().zip(surveyed) {
        let is_header = file.path.ends_with(".h");
        for &header in &surveyed.closure {
            let (cpp, c) = &mut users[header as usize];
            *cpp |= file.language == Language::Cpp;
            *c |= file.language == Language::C && !is_header;
        }
    }
    let is_candidate = |file: usize| {
        users[file] == (true, false)
            && files[file].language == Language::C
            && files[file].path.ends_with(".h")
    };
    (0..files.len()).filter(|&file| is_candidate(file)).collect()
}

struct Front<'f> {
    languages: Vec<Language>,
    preprocessor: &'f Preprocessor,
}

/// What the first reading of a file finds.
struct Surveyed {
    unit: TranslationUnit,
    closure: Vec<u32>,
    coverage: FileCoverage,
}

impl Front<'_> {
    /// Declarations only, but for C++, which is parsed once.
    fn survey(&self, file: usize) -> Surveyed {
        let id = FileId(file as u32);
        let expanded = self.preprocessor.tokens(id);
        let mut closure: Vec<u32> =
            self.preprocessor.closure(id, &expanded).into_iter().map(|file| file.0).collect();
        closure.sort_unstable();
        closure.dedup();
        closure.shrink_to_fit();
        let unit = match self.languages[file] {
            Language::C => {
                let is_type =
                    |name: Symbol| self.preprocessor.is_type_name(id, &expanded, name).then_some(true);
                parse(id, &expanded.tokens, Mode::DeclarationsOnly, &is_type)
            }
            Language::Cpp => crate::cpp::parse_cpp_tokens(id, &expanded.tokens),
        };
        let mut errors = expanded.errors;
        errors.extend(unit.errors.iter().map(|error| (error.span, error.message.clone())));
        let coverage = FileCoverage {
            lines: self.preprocessor.lines(id),
            errors,
            undecided: expanded.undecided,
            missing_includes: expanded.missing_includes,
            ..FileCoverage::default()
        };
        Surveyed { unit, closure, coverage }
    }

    /// Lowers the functions of a file, reading it a second time if it is C.
    fn lower(&self, world: &World<'_>, file: usize, surveyed: &TranslationUnit) -> Lowered {
        let id = FileId(file as u32);
        if !surveyed.decls.iter().any(|decl| matches!(decl, Decl::Function(_))) {
            return Lowered::default();
        }
        match self.languages[file] {
            Language::Cpp => lower_unit(world, file as u32, surveyed),
            Language::C => {
                let expanded = self.preprocessor.tokens(id);
                let is_type = |name: Symbol| world.is_typedef(file as u32, name);
                let unit = parse(id, &expanded.tokens, Mode::Full, &is_type);
                drop(expanded);
                lower_unit(world, file as u32, &unit)
            }
        }
    }
}

/// The functions of one file.
#[derive(Default)]
struct Lowered {
    functions: Vec<Function>,
    /// Namespace of each function, or empty.
    namespaces: Vec<Symbol>,
    statics: Vec<Global>,
    coverage: FileCoverage,
}

fn lower_unit(world: &World<'_>, file: u32, unit: &TranslationUnit) -> Lowered {
    let mut lowerer = Lowerer::new(world, file);
    let (mut functions, mut namespaces) = (Vec::new(), Vec::new());
    for decl in &unit.decls {
        if let Decl::Function(def) = decl {
            namespaces.push(def.namespace);
            functions.push(lower_function(&mut lowerer, world, file, def));
        }
    }
    functions.shrink_to_fit();
    let coverage = FileCoverage {
        functions: functions.len() as u32,
        partial: functions.iter().filter(|f| !f.gaps.is_empty()).count() as u32,
        errors: unit.errors.iter().map(|error| (error.span, error.message.clone())).collect(),
        ..FileCoverage::default()
    };
    Lowered { functions, namespaces, statics: std::mem::take(&mut lowerer.statics), coverage }
}

/// A panic costs its function alone and is reported as a gap.
fn lower_function<'w>(
    lowerer: &mut Lowerer<'w>,
    world: &'w World<'w>,
    file: u32,
    def: &FunctionDef,
) -> Function {
    if let Ok(function) = catch_unwind(AssertUnwindSafe(|| lowerer.function(def))) {
        return function;
    }
    let statics = std::mem::take(&mut lowerer.statics);
    *lowerer = Lowerer::new(world, file);
    lowerer.statics = statics;
    Function {
        name: def.name,
        file: FileId(file),
        span: def.span,
        end_line: def.end_line,
        is_static: def.specs.is_static,
        is_variadic: false,
        is_noreturn: false,
        ret: banbury_ir::TypeTable::UNKNOWN,
        params: 0,
        locals: Vec::new(),
        blocks: vec![Block {
            instrs: Vec::new(),
            term: Terminator::Unreachable,
            term_span: def.span,
            term_macro: Symbol::EMPTY,
        }],
        gaps: vec![Gap { span: def.span, reason: "lowering failed".to_owned() }],
    }
}

/// Resolves the declarations, lowers all files and puts the program together.
fn link(
    front: &Front<'_>,
    units: &[TranslationUnit],
    infos: Vec<FileInfo>,
    prelude: u32,
    options: &Options,
) -> (Program, Vec<FileCoverage>) {
    let mut world = World::collect(units, infos, prelude, options.pointer_bytes);
    let records = world.records.len() as u32;
    (0..records).into_par_iter().with_min_len(64).for_each(|id| {
        let file = world.records[id as usize].file;
        ensure_defined(&mut FileEnv::new(&world, file), banbury_ir::RecordId(id));
    });
    initialise_globals(&mut world);
    let shared = &world;
    let lowered: Vec<Lowered> = units
        .par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(file, unit)| front.lower(shared, file, unit))
        .collect();
    let file_paths = world.files.iter().map(|file| file.path.clone()).collect();
    let (types, globals) = world.into_parts();
    let (mut program, coverage) = assemble(types, globals, file_paths, lowered);
    program.file_namespaces = units.iter().map(innermost_first).collect();
    (program, coverage)
}

/// The namespaces of a file, those with the longest names first.
fn innermost_first(unit: &TranslationUnit) -> Box<[Symbol]> {
    let mut namespaces = unit.namespaces.clone();
    namespaces.sort_by_key(|name| (std::cmp::Reverse(name.as_str().len()), name.as_str()));
    namespaces.into_boxed_slice()
}

fn assemble(
    types: banbury_ir::TypeTable,
    mut globals: Vec<Global>,
    file_paths: Vec<String>,
    lowered: Vec<Lowered>,
) -> (Program, Vec<FileCoverage>) {
    let mut functions = Vec::with_capacity(lowered.iter().map(|l| l.functions.len()).sum());
    let mut coverage = Vec::with_capacity(lowered.len());
    let mut undeclared: FxHashMap<Symbol, GlobalId> = FxHashMap::default();
    let mut namespaces: Vec<Symbol> = Vec::new();
    for file in lowered {
        let Lowered { functions: mut own, namespaces: around, statics, coverage: file_coverage } = file;
        coverage.push(file_coverage);
        if !statics.is_empty() {
            let numbers = adopt(&mut globals, &mut undeclared, statics);
            own.iter_mut().for_each(|function| renumber_function(function, &numbers));
        }
        let mut placed: Vec<(Function, Symbol)> = own.into_iter().zip(around).collect();
        placed.sort_by_key(|(function, _)| function.span.line);
        namespaces.extend(placed.iter().map(|(_, namespace)| *namespace));
        functions.extend(placed.into_iter().map(|(function, _)| function));
    }
    functions.shrink_to_fit();
    globals.shrink_to_fit();
    let mut by_name: FxHashMap<Symbol, Vec<FuncId>> = FxHashMap::default();
    for (index, function) in functions.iter().enumerate() {
        by_name.entry(function.name).or_default().push(FuncId(index as u32));
    }
    let mut by_namespace: FxHashMap<(Symbol, Symbol), Vec<FuncId>> = FxHashMap::default();
    for (index, (function, namespace)) in functions.iter().zip(namespaces).enumerate() {
        if !namespace.is_empty() {
            by_namespace.entry((namespace, function.name)).or_default().push(FuncId(index as u32));
        }
    }
    let file_namespaces = Vec::new();
    (Program { types, globals, functions, by_name, by_namespace, file_namespaces, file_paths }, coverage)
}

/// Gives the provisional globals of a file their numbers. Undeclared names are one global for
/// the whole program.
fn adopt(
    globals: &mut Vec<Global>,
    undeclared: &mut FxHashMap<Symbol, GlobalId>,
    statics: Vec<Global>,
) -> Vec<GlobalId> {
    let first = globals.len();
    let mut numbers = Vec::with_capacity(statics.len());
    for global in statics {
        let next = GlobalId(globals.len() as u32);
        let id = match global.is_extern {
            true => *undeclared.entry(global.name).or_insert(next),
            false => next,
        };
        if id == next {
            globals.push(global);
        }
        numbers.push(id);
    }
    for global in &mut globals[first..] {
        renumber_init(&mut global.init, &numbers);
    }
    numbers
}

fn renumber(id: &mut GlobalId, numbers: &[GlobalId]) {
    if let Some(own) = id.0.checked_sub(PROVISIONAL)
        && let Some(&number) = numbers.get(own as usize)
    {
        *id = number;
    }
}

fn renumber_init(init: &mut Init, numbers: &[GlobalId]) {
    match init {
        Init::Const(Const::GlobalAddr(id, _)) => renumber(id, numbers),
        Init::List(list) => list.iter_mut().for_each(|(_, init)| renumber_init(init, numbers)),
        _ => {}
    }
}

fn renumber_place(place: &mut Place, numbers: &[GlobalId]) {
    if let Base::Global(id) = &mut place.base {
        renumber(id, numbers);
    }
}

fn renumber_operand(operand: &mut Operand, numbers: &[GlobalId]) {
    match operand {
        Operand::Copy(place) => renumber_place(place, numbers),
        Operand::Const(Const::GlobalAddr(id, _)) => renumber(id, numbers),
        Operand::Const(_) => {}
    }
}

fn renumber_function(function: &mut Function, numbers: &[GlobalId]) {
    for block in &mut function.blocks {
        for instr in &mut block.instrs {
            renumber_op(&mut instr.op, numbers);
        }
        match &mut block.term {
            Terminator::Branch { cond: value, .. }
            | Terminator::Switch { value, .. }
            | Terminator::Return(Some(value)) => renumber_operand(value, numbers),
            Terminator::Goto(_) | Terminator::Return(None) | Terminator::Unreachable => {}
        }
    }
}

fn renumber_op(op: &mut Op, numbers: &[GlobalId]) {
    match op {
        Op::Assign { dst, src } => {
            renumber_place(dst, numbers);
            match src {
                Rvalue::Use(a) | Rvalue::Unary(_, a) | Rvalue::Cast(_, a) => renumber_operand(a, numbers),
                Rvalue::Binary(_, a, b) | Rvalue::PtrAdd { ptr: a, index: b, .. } => {
                    renumber_operand(a, numbers);
                    renumber_operand(b, numbers);
                }
                Rvalue::AddrOf(place) => renumber_place(place, numbers),
            }
        }
        Op::Call { dst, callee, args } => {
            dst.iter_mut().for_each(|dst| renumber_place(dst, numbers));
            if let Callee::Indirect(pointer) = callee {
                renumber_operand(pointer, numbers);
            }
            args.iter_mut().for_each(|arg| renumber_operand(arg, numbers));
        }
        Op::Zero(place) => renumber_place(place, numbers),
        Op::Declare(_) | Op::Dead(_) | Op::Opaque => {}
    }
}
