//! What both releases are made of.

use rayon::prelude::*;

use crate::compare::File;
use crate::lex::Text;
use crate::names::Lexicon;
use crate::pairs::text;
use crate::stats::{Forms, Grams, Habits, Vocabulary};

/// What both releases are made of.
pub struct World {
    pub old_words: Vocabulary,
    pub new_words: Vocabulary,
    pub grams: Grams,
    pub lexicon: Lexicon,
    pub old_forms: Forms,
    pub new_forms: Forms,
    /// Of the new release.
    pub habits: Habits,
}

impl World {
    /// Learns from the files that both releases have, and from those that differ.
    pub fn new(equal: &[&File], old: &[Text<'_>], new: &[Text<'_>]) -> World {
        let grams = Grams::default();
        let (old_forms, new_forms) = (Forms::default(), Forms::default());
        let (common, habits) = equal
            .par_iter()
            .map(|file| {
                let text = text(file);
                old_forms.learn(&text, 1);
                new_forms.learn(&text, 1);
                if text.kind.is_code() {
                    grams.learn(&text);
                }
                (Vocabulary::of(&text), Habits::of(&text))
            })
            .reduce(Default::default, |a, b| (a.0.merge(b.0), a.1.merge(b.1)));
        old.par_iter().filter(|text| text.kind.is_code()).for_each(|text| grams.learn(text));
        old.par_iter().for_each(|text| old_forms.learn(text, 1));
        new.par_iter().for_each(|text| new_forms.learn(text, 1));
        let words = |texts: &[Text<'_>]| {
            let own = texts.par_iter().map(Vocabulary::of).reduce(Vocabulary::default, Vocabulary::merge);
            common.clone().merge(own)
        };
        World {
            old_words: words(old),
            new_words: words(new),
            habits: new.par_iter().map(Habits::of).reduce(Habits::default, Habits::merge).merge(habits),
            old_forms,
            new_forms,
            grams,
            lexicon: Lexicon::new(),
        }
    }

    pub fn had(&self, hash: u64) -> bool {
        self.old_words.has(hash)
    }

    pub fn has(&self, hash: u64) -> bool {
        self.new_words.has(hash)
    }
}
