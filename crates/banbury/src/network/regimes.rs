//! Which controls to judge by.

use std::path::{Path, PathBuf};

use anyhow::bail;
use banbury_network::{Control, Date, Pack, Regime};

use super::{file_name, files_of, text_of};
use crate::terminal;

#[derive(clap::Args)]
pub struct Rules {
    /// Folder of controls, one folder per regime
    #[arg(long, value_name = "FOLDER", default_value = "controls")]
    pub controls: PathBuf,
    /// Only these regimes (names of their folders)
    #[arg(long, value_name = "NAME")]
    pub regime: Vec<String>,
    /// Only these controls
    #[arg(long, value_name = "ID")]
    control: Vec<String>,
    /// Day to judge; today when not given
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
}

/// All regimes of a folder.
pub fn all(controls: &Path) -> anyhow::Result<Vec<Pack>> {
    let rules = Rules { controls: controls.to_owned(), regime: Vec::new(), control: Vec::new(), as_of: None };
    rules.packs(false)
}

impl Rules {
    /// With `keep_going` a control that is not understood is reported and left out.
    pub fn packs(&self, keep_going: bool) -> anyhow::Result<Vec<Pack>> {
        let mut packs = Vec::new();
        for folder in files_of(&self.controls)?.into_iter().filter(|p| p.is_dir()) {
            if !self.regime.is_empty() && !self.regime.iter().any(|r| *r == file_name(&folder)) {
                continue;
            }
            packs.push(self.pack(&folder, keep_going)?);
        }
        let folder = self.controls.display();
        if packs.is_empty() && self.regime.is_empty() {
            bail!("{folder} holds no regime: a regime is a folder with regime.toml and one file per control");
        }
        if let Some(name) = self.regime.iter().find(|r| !self.controls.join(r).is_dir()) {
            bail!("{folder} holds no regime `{name}`; `banbury network controls list` names what there is");
        }
        let there = |id: &String| packs.iter().flat_map(|p| &p.controls).any(|c| c.id == *id);
        if let Some(id) = self.control.iter().find(|id| !there(id)) {
            bail!(
                "there is no control `{id}` in {folder}; `banbury network controls list` names what there is"
            );
        }
        Ok(packs)
    }

    pub fn pack(&self, folder: &Path, keep_going: bool) -> anyhow::Result<Pack> {
        let path = folder.join("regime.toml");
        let regime =
            Regime::parse(&text_of(&path)?).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        let mut controls = Vec::new();
        for path in files_of(folder)? {
            let name = file_name(&path);
            if !name.ends_with(".toml") || name.ends_with(".test.toml") || name == "regime.toml" {
                continue;
            }
            let control = match Control::parse(&text_of(&path)?) {
                Ok(control) => control,
                Err(message) if keep_going => {
                    terminal::error(&format!(
                        "{}: error: {message}; the control was left out",
                        path.display()
                    ));
                    continue;
                }
                Err(message) => bail!("{}: {message}", path.display()),
            };
            if self.control.is_empty() || self.control.contains(&control.id) {
                controls.push(control);
            }
        }
        controls.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = controls.windows(2).find(|pair| pair[0].id == pair[1].id) {
            bail!("{}: two controls have the identifier `{}`", folder.display(), pair[0].id);
        }
        Ok(Pack { regime, controls })
    }
}
