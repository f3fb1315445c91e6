//! Ed25519 keys as C2SP signed-note names them: of logs (signatures over checkpoints), of
//! witnesses (tlog-cosignature) and of people (sign-offs).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, Verifier as _, VerifyingKey};
use rand_core::OsRng;
use signed_note::{Signer, StandardSigner, StandardVerifier, Verifier};

/// Signature types of C2SP signed-note.
const COSIGNATURE: u8 = 4;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("`{0}` is no name for a key: it is empty or has a space or `+` in it")]
    Name(String),
    #[error("not a private key: {0}")]
    Private(String),
    #[error("not a public key: {0}")]
    Public(String),
}

/// A private key and its public half, as text.
#[derive(Clone)]
pub struct KeyPair {
    /// `PRIVATE+KEY+name+id+base64`: to be kept.
    pub private: String,
    /// `name+id+base64`: to be handed out.
    pub public: String,
}

/// A new key from the system's random numbers.
pub fn generate(name: &str) -> Result<KeyPair, KeyError> {
    if !signed_note::is_key_name_valid(name) {
        return Err(KeyError::Name(name.to_owned()));
    }
    let (private, public) = signed_note::generate_key(&mut OsRng, name);
    Ok(KeyPair { private, public })
}

pub fn signer(private: &str) -> Result<StandardSigner, KeyError> {
    StandardSigner::new(private.trim()).map_err(|error| KeyError::Private(error.to_string()))
}

pub fn verifier(public: &str) -> Result<StandardVerifier, KeyError> {
    StandardVerifier::new(public.trim()).map_err(|error| KeyError::Public(error.to_string()))
}

/// Public half of a private key.
pub fn public_of(private: &str) -> Result<String, KeyError> {
    let (name, key) = signing_key(private)?;
    Ok(signed_note::new_ed25519_verifier_key(&name, &key.verifying_key()))
}

fn signing_key(private: &str) -> Result<(String, SigningKey), KeyError> {
    // Checks the format and the key's number.
    signer(private)?;
    let malformed = || KeyError::Private("malformed".into());
    let rest = private.trim().strip_prefix("PRIVATE+KEY+").ok_or_else(malformed)?;
    let mut parts = rest.splitn(3, '+');
    let (name, _, seed) = (parts.next(), parts.next(), parts.next());
    let (Some(name), Some(seed)) = (name, seed) else { return Err(malformed()) };
    let seed = STANDARD.decode(seed).map_err(|_| malformed())?;
    let seed: [u8; 32] = seed.get(1..).and_then(|seed| seed.try_into().ok()).ok_or_else(malformed)?;
    Ok((name.to_owned(), SigningKey::from_bytes(&seed)))
}

fn verifying_key(public: &str) -> Result<(String, VerifyingKey), KeyError> {
    verifier(public)?;
    let malformed = || KeyError::Public("malformed".into());
    let mut parts = public.trim().splitn(3, '+');
    let (name, _, key) = (parts.next(), parts.next(), parts.next());
    let (Some(name), Some(key)) = (name, key) else { return Err(malformed()) };
    let key = STANDARD.decode(key).map_err(|_| malformed())?;
    let key: [u8; 32] = key.get(1..).and_then(|key| key.try_into().ok()).ok_or_else(malformed)?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| malformed())?;
    Ok((name.to_owned(), key))
}

/// What a cosignature is over: the checkpoint's text at a time, in seconds since 1970.
fn cosigned(text: &[u8], seconds: u64) -> Vec<u8> {
    let mut message = format!("cosignature/v1\ntime {seconds}\n").into_bytes();
    message.extend(text);
    message
}

fn cosignature_id(name: &str, key: &VerifyingKey) -> u32 {
    let mut typed = vec![COSIGNATURE];
    typed.extend(key.as_bytes());
    signed_note::key_id(name, &typed)
}

/// Signs checkpoints as a witness does (C2SP tlog-cosignature): "I saw this, at this time, and
/// nothing that contradicts it".
pub struct Cosigner {
    name: String,
    key: SigningKey,
    seconds: u64,
}

impl Cosigner {
    pub fn new(private: &str, seconds: u64) -> Result<Self, KeyError> {
        let (name, key) = signing_key(private)?;
        Ok(Cosigner { name, key, seconds })
    }
}

impl Signer for Cosigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        cosignature_id(&self.name, &self.key.verifying_key())
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let mut out = self.seconds.to_be_bytes().to_vec();
        out.extend(self.key.try_sign(&cosigned(text, self.seconds))?.to_bytes());
        Ok(out)
    }
}

/// Verifies what a [`Cosigner`] signed.
pub struct CosignatureVerifier {
    name: String,
    key: VerifyingKey,
}

impl CosignatureVerifier {
    pub fn new(public: &str) -> Result<Self, KeyError> {
        let (name, key) = verifying_key(public)?;
        Ok(CosignatureVerifier { name, key })
    }
}

impl Verifier for CosignatureVerifier {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        cosignature_id(&self.name, &self.key)
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((seconds, signature)) = signature.split_first_chunk::<8>() else { return false };
        let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return false };
        self.key.verify(&cosigned(text, u64::from_be_bytes(*seconds)), &signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use signed_note::{Note, VerifierList};

    use super::*;

    #[test]
    fn a_cosignature_holds_for_its_text_only() {
        let key = generate("witness.example").unwrap();
        assert_eq!(public_of(&key.private).unwrap(), key.public);
        let mut note = Note::new(b"log.example\n1\nAAAA\n", &[]).unwrap();
        note.add_sigs(&[&Cosigner::new(&key.private, 1_800_000_000).unwrap()]).unwrap();
        let verify = |note: &Note| {
            let list = VerifierList::new(vec![Box::new(CosignatureVerifier::new(&key.public).unwrap())]);
            note.verify(&list).is_ok_and(|(good, _)| good.len() == 1)
        };
        assert!(verify(&note));
        let text = String::from_utf8(note.to_bytes()).unwrap().replacen("\n1\n", "\n2\n", 1);
        assert!(!verify(&Note::from_bytes(text.as_bytes()).unwrap()));
    }

    #[test]
    fn what_is_no_key_is_said_so() {
        assert!(matches!(generate("two words"), Err(KeyError::Name(_))));
        assert!(matches!(signer("PRIVATE+KEY+a+00000000+AAAA"), Err(KeyError::Private(_))));
        assert!(matches!(verifier("nothing"), Err(KeyError::Public(_))));
    }
}
