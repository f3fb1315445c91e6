//! Attestations: in-toto statements (Statement v1) in signed DSSE envelopes, so that programs of
//! the supply-chain world can check a run or a verdict.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signed_note::{Signer, Verifier};

use crate::act::Assurance;
use crate::approval::Terms;
use crate::centre::Centre;
use crate::hash::Sha256;

pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Predicate of a tool's run.
pub const RUN: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// Predicate of a verdict: SLSA verification summary.
pub const VERDICT: &str = "https://slsa.dev/verification_summary/v1";

#[derive(Debug, thiserror::Error)]
pub enum AttestationError {
    #[error("not a DSSE envelope: {0}")]
    Malformed(&'static str),
    #[error("not signed by {0}")]
    NotSigned(String),
    #[error("the key does not sign: {0}")]
    Key(String),
}

/// An in-toto statement: this predicate holds of these subjects.
pub fn statement(subjects: &[(String, Sha256)], predicate_type: &str, predicate: Value) -> Value {
    let subjects: Vec<Value> = subjects
        .iter()
        .map(|(name, hash)| json!({"name": name, "digest": {"sha256": hash.to_string()}}))
        .collect();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": predicate_type,
        "predicate": predicate,
    })
}

/// What somebody says who signs an evaluation off: a SLSA verification summary of its artefacts.
/// `None` if there is no such evaluation.
pub fn verdict(
    centre: &Centre,
    evaluation: &str,
    assurance: Assurance,
    conditions: &[String],
    terms: &Terms,
) -> Option<Value> {
    let known = centre.evaluations.get(evaluation)?;
    let subjects: Vec<(String, Sha256)> =
        known.artefacts.iter().map(|artefact| (artefact.name.clone(), artefact.content)).collect();
    let passed = assurance != Assurance::Rejected;
    let said = json!({
        "verifier": {"id": centre.name},
        "resourceUri": format!("{}/{}@{}", known.vendor, known.product, known.release),
        "policy": {"digest": {"sha256": centre.policy_hash.map(|hash| hash.to_string())}},
        "verificationResult": if passed { "PASSED" } else { "FAILED" },
        "verifiedLevels": [],
        "evaluation": evaluation,
        "assurance": assurance,
        "conditions": conditions,
        "terms": terms,
        "logSize": centre.size,
    });
    Some(statement(&subjects, VERDICT, said))
}

/// Pre-authentication encoding of DSSE 1.0.
fn encoding(payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    out.extend(payload);
    out
}

/// The statement in an envelope with one signature.
pub fn sign(statement: &Value, signer: &dyn Signer) -> Result<Vec<u8>, AttestationError> {
    let payload = statement.to_string().into_bytes();
    let signature =
        signer.sign(&encoding(&payload)).map_err(|error| AttestationError::Key(error.to_string()))?;
    let envelope = json!({
        "payloadType": PAYLOAD_TYPE,
        "payload": STANDARD.encode(&payload),
        "signatures": [{"keyid": format!("{}+{:08x}", signer.name(), signer.key_id()), "sig": STANDARD.encode(signature)}],
    });
    Ok(envelope.to_string().into_bytes())
}

/// The statement of an envelope that the key signed.
pub fn open(envelope: &[u8], verifier: &dyn Verifier) -> Result<Value, AttestationError> {
    let malformed = AttestationError::Malformed;
    let envelope: Value = serde_json::from_slice(envelope).map_err(|_| malformed("no JSON"))?;
    if envelope["payloadType"].as_str() != Some(PAYLOAD_TYPE) {
        return Err(malformed("another payload type"));
    }
    let decode = |value: &Value| value.as_str().and_then(|text| STANDARD.decode(text).ok());
    let payload = decode(&envelope["payload"]).ok_or(malformed("no payload"))?;
    let signed = encoding(&payload);
    let signatures = envelope["signatures"].as_array().ok_or(malformed("no signatures"))?;
    let good = |one: &Value| decode(&one["sig"]).is_some_and(|bytes| verifier.verify(&signed, &bytes));
    if !signatures.iter().any(good) {
        return Err(AttestationError::NotSigned(verifier.name().to_owned()));
    }
    serde_json::from_slice(&payload).map_err(|_| malformed("the payload is no JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;

    #[test]
    fn an_envelope_opens_with_the_key_that_signed_it() {
        let (ann, bob) = (keys::generate("ann").unwrap(), keys::generate("bob").unwrap());
        let subject = [("release.tar".to_owned(), Sha256::of(b"release"))];
        let said = statement(&subject, RUN, json!({"result": "PASSED"}));
        let envelope = sign(&said, &keys::signer(&ann.private).unwrap()).unwrap();
        assert_eq!(open(&envelope, &keys::verifier(&ann.public).unwrap()).unwrap(), said);
        assert!(open(&envelope, &keys::verifier(&bob.public).unwrap()).is_err());
        let changed = String::from_utf8(envelope).unwrap().replace("\"payload\":\"ey", "\"payload\":\"eX");
        assert!(open(changed.as_bytes(), &keys::verifier(&ann.public).unwrap()).is_err());
    }

    /// The example of the DSSE 1.0 specification, with this payload type.
    #[test]
    fn lengths_are_part_of_what_is_signed() {
        assert_eq!(encoding(b"hello"), b"DSSEv1 28 application/vnd.in-toto+json 5 hello");
    }
}
