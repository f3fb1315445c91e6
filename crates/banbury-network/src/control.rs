//! Controls as data: what a file under `controls/` says.

use serde::{Deserialize, Serialize};

use crate::date::Date;
use crate::rules::Check;
use crate::world::Profile;

/// A legal regime, a code of practice, or an operator's own rules: `regime.toml` of its folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regime {
    pub id: String,
    pub title: String,
    /// State or union whose rule it is.
    #[serde(default)]
    pub jurisdiction: String,
    #[serde(default)]
    pub about: String,
    #[serde(default)]
    pub profile: Profile,
}

/// One control: one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    pub id: String,
    /// In plain words.
    pub title: String,
    /// Version of the control's text here, raised with every change of meaning.
    #[serde(default = "one")]
    pub version: u32,
    /// May be left out of one's own rules.
    #[serde(default)]
    pub source: LegalSource,
    /// The control says nothing before this day.
    #[serde(default)]
    pub in_force_from: Date,
    /// By when it must be met; a network that does not meet it yet will violate it on that day.
    #[serde(default)]
    pub deadline: Date,
    /// What would put it right, in a sentence.
    #[serde(default)]
    pub remedy: String,
    #[serde(default)]
    pub scope: Scope,
    pub check: Check,
    /// Exceptions that belong to the control itself, beside those in the inventory's `waivers`.
    #[serde(default)]
    pub exception: Vec<Exception>,
}

fn one() -> u32 {
    1
}

/// Where the rule is written, and whether the figures were read there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalSource {
    /// Empty: the control is its own source.
    #[serde(default)]
    pub document: String,
    #[serde(default)]
    pub section: String,
    /// What was read: the document, or where not `verified` a report about it.
    #[serde(default)]
    pub url: String,
    /// Day it was read.
    #[serde(default)]
    pub read_on: Date,
    /// False: the figures were recalled, or read only in reports about the document. Check them
    /// against the document before relying on them.
    #[serde(default)]
    pub verified: bool,
    #[serde(default)]
    pub note: String,
}

/// To which equipment a control applies; every part that is given must hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    pub generations: Vec<String>,
    pub site_kinds: Vec<String>,
    pub criticality: Vec<String>,
    pub sensitivity: Vec<String>,
    /// Regions and all regions within them.
    pub regions: Vec<String>,
    pub operators: Vec<String>,
    pub exposed: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub subject: String,
    pub approved_by: String,
    pub granted_on: Date,
    pub expires_on: Date,
    #[serde(default)]
    pub document: String,
}

impl LegalSource {
    /// Whether the control quotes a document with which its figures were not compared.
    pub fn unchecked(&self) -> bool {
        !self.document.is_empty() && !self.verified
    }
}

impl Scope {
    pub fn is_everything(&self) -> bool {
        let Scope { generations, site_kinds, criticality, sensitivity, regions, operators, exposed } = self;
        [generations, site_kinds, criticality, sensitivity, regions, operators]
            .iter()
            .all(|list| list.is_empty())
            && exposed.is_none()
    }
}

impl Control {
    /// Reads a control file; the message of an error names line and column.
    pub fn parse(text: &str) -> Result<Control, String> {
        let control: Control = toml::from_str(text).map_err(|e| e.to_string())?;
        if control.id.trim().is_empty() || control.id.contains(char::is_whitespace) {
            return Err("`id` must be a word without blanks".to_owned());
        }
        control.check.validate()?;
        Ok(control)
    }

    /// The day from which not meeting it is a violation.
    pub fn binding_from(&self) -> Date {
        self.in_force_from.max(self.deadline)
    }
}

impl Regime {
    pub fn parse(text: &str) -> Result<Regime, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }
}

/// A regime and its controls, in the order of their identifiers.
#[derive(Clone, Debug, Serialize)]
pub struct Pack {
    pub regime: Regime,
    pub controls: Vec<Control>,
}

/// A test beside a control: a small network and what the control must say of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlTest {
    pub name: String,
    pub as_of: Date,
    /// Table name to CSV text with a header.
    pub tables: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub violated: Vec<String>,
    #[serde(default)]
    pub will_be_violated: Vec<String>,
    #[serde(default)]
    pub exempted: Vec<String>,
    #[serde(default)]
    pub unknown: Vec<String>,
}

/// The tests of one control: `NAME.test.toml` beside `NAME.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlTests {
    pub test: Vec<ControlTest>,
}

impl ControlTests {
    pub fn parse(text: &str) -> Result<ControlTests, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }
}
