//! What one cell of an inventory table may hold: the types of the columns, each reading itself
//! from text and writing itself back.

use crate::date::Date;
use crate::strings::{Strings, Sym};

/// The two string tables of an inventory: identifiers and free text (many, each seen a few
/// times), and names from small vocabularies (few, seen a million times).
#[derive(Default)]
pub struct Pools {
    pub ids: Strings,
    pub names: Strings,
}

/// How the values of a column are written; shown in the schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Identifier,
    /// Names a row of the table.
    Reference(&'static str),
    Text,
    Name,
    Date,
    Number,
    Percent,
    Latitude,
    Longitude,
    Count,
    Flag,
    List,
}

pub(crate) trait Cell: Sized {
    const KIND: Kind;

    fn read(text: &str, pools: &mut Pools) -> Result<Self, String>;

    /// Appends the value as the import reads it; nothing when it is not recorded.
    fn write(&self, context: &WriteContext<'_>, out: &mut String);

    /// Turns a written reference into a row number; gives the text that no row answers to.
    fn resolve(&mut self, _: &Rows<'_>) -> Result<(), Sym> {
        Ok(())
    }

    fn key(&self) -> Sym {
        Sym::EMPTY
    }
}

/// Where references point: for each table, the row of each identifier.
pub(crate) struct Rows<'a> {
    pub by_table: &'a [Vec<u32>],
}

pub(crate) struct WriteContext<'a> {
    pub pools: &'a Pools,
    /// The identifier of a row of a table.
    pub id_of: &'a dyn Fn(usize, u32) -> Sym,
}

/// The identifier of a row, unique in its table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Id(pub Sym);

impl Cell for Id {
    const KIND: Kind = Kind::Identifier;

    fn read(text: &str, pools: &mut Pools) -> Result<Self, String> {
        if text.len() > 256 {
            return Err("an identifier longer than 256 bytes".to_owned());
        }
        Ok(Id(pools.ids.intern(text)))
    }

    fn write(&self, context: &WriteContext<'_>, out: &mut String) {
        out.push_str(context.pools.ids.get(self.0));
    }

    fn key(&self) -> Sym {
        self.0
    }
}

/// Free text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Text(pub Sym);

impl Cell for Text {
    const KIND: Kind = Kind::Text;

    fn read(text: &str, pools: &mut Pools) -> Result<Self, String> {
        Ok(Text(pools.ids.intern(text)))
    }

    fn write(&self, context: &WriteContext<'_>, out: &mut String) {
        out.push_str(context.pools.ids.get(self.0));
    }
}

/// A name that many rows share, kept as written: vendor names, platforms, versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Name(pub Sym);

impl Cell for Name {
    const KIND: Kind = Kind::Name;

    fn read(text: &str, pools: &mut Pools) -> Result<Self, String> {
        Ok(Name(pools.names.intern(text)))
    }

    fn write(&self, context: &WriteContext<'_>, out: &mut String) {
        out.push_str(context.pools.names.get(self.0));
    }
}

/// A word of a vocabulary (role, status, kind): trimmed and lower-cased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Word(pub Sym);

impl Cell for Word {
    const KIND: Kind = Kind::Name;

    fn read(text: &str, pools: &mut Pools) -> Result<Self, String> {
        let text = text.trim();
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Ok(Word(pools.names.intern(&text.to_ascii_lowercase())));
        }
        Ok(Word(pools.names.intern(text)))
    }

    fn write(&self, context: &WriteContext<'_>, out: &mut String) {
        out.push_str(context.pools.names.get(self.0));
    }
}

/// A reference to a row of the table with this number. Holds the written identifier until the
/// import is finished, the row number from then on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ref<const TABLE: usize>(u32);

impl<const TABLE: usize> Ref<TABLE> {
    pub const NONE: Ref<TABLE> = Ref(u32::MAX);

    /// The row, if the reference is recorded and not dangling.
    pub fn row(self) -> Option<usize> {
        (self.0 != u32::MAX).then_some(self.0 as usize)
    }
}

impl<const TABLE: usize> Cell for Ref<TABLE> {
    const KIND: Kind = Kind::Reference(crate::inventory::TABLE_NAMES[TABLE]);

    fn read(text: &str, pools: &mut Pools) -> Result<Self, String> {
        Ok(Ref(pools.ids.intern(text.trim()).0))
    }

    fn write(&self, context: &WriteContext<'_>, out: &mut String) {
        if let Some(row) = self.row() {
            out.push_str(context.pools.ids.get((context.id_of)(TABLE, row as u32)));
        }
    }

    fn resolve(&mut self, rows: &Rows<'_>) -> Result<(), Sym> {
        let sym = Sym(self.0);
        self.0 = rows.by_table[TABLE].get(sym.index()).copied().unwrap_or(u32::MAX);
        if self.0 == u32::MAX && !sym.is_empty() { Err(sym) } else { Ok(()) }
    }
}

impl Cell for Date {
    const KIND: Kind = Kind::Date;

    fn read(text: &str, _: &mut Pools) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Date::NONE);
        }
        text.parse().map_err(|e: crate::date::DateError| e.to_string())
    }

    fn write(&self, _: &WriteContext<'_>, out: &mut String) {
        out.push_str(&self.to_string());
    }
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

fn number(text: &str, low: f64, high: f64, what: &str) -> Result<f64, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(f64::NAN);
    }
    match text.parse::<f64>() {
        Ok(value) if !value.is_finite() => Err(format!("`{}` is not {what}", shown(text))),
        Ok(value) if value < low && high == f64::MAX => {
            Err(format!("{value} is less than {low}: {what} is expected"))
        }
        Ok(value) if value < low || value > high => {
            Err(format!("{value} is outside {low} to {high}: {what} is expected"))
        }
        Ok(value) => Ok(value),
        Err(_) => Err(format!("`{}` is not {what}: write it with digits and a point", shown(text))),
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident $kind:expr, $low:expr, $high:expr, $what:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub struct $name(f64);

        impl $name {
            pub fn known(self) -> Option<f64> {
                (!self.0.is_nan()).then_some(self.0)
            }
        }

        impl Cell for $name {
            const KIND: Kind = $kind;

            fn read(text: &str, _: &mut Pools) -> Result<Self, String> {
                number(text, $low, $high, $what).map($name)
            }

            fn write(&self, _: &WriteContext<'_>, out: &mut String) {
                if let Some(value) = self.known() {
                    out.push_str(&value.to_string());
                }
            }
        }
    )*};
}

numbers! {
    /// A number that is not negative.
    Number Kind::Number, 0.0, f64::MAX, "a number that is not negative";
    /// A percentage.
    Percent Kind::Percent, 0.0, 100.0, "a percentage between 0 and 100";
    /// WGS 84 degrees north.
    Latitude Kind::Latitude, -90.0, 90.0, "a latitude in WGS 84 degrees";
    /// WGS 84 degrees east.
    Longitude Kind::Longitude, -180.0, 180.0, "a longitude in WGS 84 degrees";
}

/// A whole number that is not negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count(u32);

impl Count {
    pub fn known(self) -> Option<u32> {
        (self.0 != u32::MAX).then_some(self.0)
    }
}

impl Cell for Count {
    const KIND: Kind = Kind::Count;

    fn read(text: &str, _: &mut Pools) -> Result<Self, String> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(Count(u32::MAX));
        }
        if let Ok(value) = trimmed.parse::<u32>()
            && value != u32::MAX
        {
            return Ok(Count(value));
        }
        // Spreadsheets write whole numbers as 120.0.
        let value = number(trimmed, 0.0, f64::from(u32::MAX - 1), "a whole number")?;
        if value.fract() != 0.0 {
            return Err(format!("`{}` is not a whole number", shown(trimmed)));
        }
        Ok(Count(value as u32))
    }

    fn write(&self, _: &WriteContext<'_>, out: &mut String) {
        if let Some(value) = self.known() {
            out.push_str(&value.to_string());
        }
    }
}

/// Yes, no or not recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flag(Option<bool>);

impl Flag {
    pub fn known(self) -> Option<bool> {
        self.0
    }

    pub fn is_true(self) -> bool {
        self.0 == Some(true)
    }
}

impl Cell for Flag {
    const KIND: Kind = Kind::Flag;

    fn read(text: &str, _: &mut Pools) -> Result<Self, String> {
        match text.trim() {
            "true" | "True" | "TRUE" | "yes" | "1" => Ok(Flag(Some(true))),
            "false" | "False" | "FALSE" | "no" | "0" => Ok(Flag(Some(false))),
            "" => Ok(Flag(None)),
            other => Err(format!("`{}` is neither true nor false", shown(other))),
        }
    }

    fn write(&self, _: &WriteContext<'_>, out: &mut String) {
        if let Some(value) = self.0 {
            out.push_str(if value { "true" } else { "false" });
        }
    }
}

/// Several values in one cell, separated by semicolons.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct List(pub Sym);

impl List {
    pub fn items(self, pools: &Pools) -> impl Iterator<Item = &str> {
        pools.ids.get(self.0).split(';').map(str::trim).filter(|item| !item.is_empty())
    }
}

impl Cell for List {
    const KIND: Kind = Kind::List;

    fn read(text: &str, pools: &mut Pools) -> Result<Self, String> {
        Ok(List(pools.ids.intern(text)))
    }

    fn write(&self, context: &WriteContext<'_>, out: &mut String) {
        out.push_str(context.pools.ids.get(self.0));
    }
}
