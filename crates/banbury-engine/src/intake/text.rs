/// The text of a file as the front end takes it: no byte order mark, UTF-16 turned into UTF-8,
/// everything else as it is. `None` if the bytes are no text.
pub(super) fn to_text(bytes: Vec<u8>) -> Option<Vec<u8>> {
    match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, rest @ ..] => Some(rest.to_vec()).filter(|text| !is_binary(text)),
        [0xff, 0xfe, rest @ ..] => Some(from_utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Some(from_utf16(rest, u16::from_be_bytes)),
        _ if is_binary(&bytes) => None,
        _ => Some(bytes),
    }
}

/// Binary: more than one in a thousand of the first bytes are zero. A stray zero byte does not
/// hide a file from review, as it does not hide it from a compiler.
fn is_binary(bytes: &[u8]) -> bool {
    if memchr::memchr(0, bytes).is_none() {
        return false;
    }
    let head = &bytes[..bytes.len().min(1 << 16)];
    let zeros = memchr::memchr_iter(0, head).count();
    zeros > 1 && zeros * 1000 > head.len() || bytes.starts_with(b"\x7fELF")
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::to_text;

    #[test]
    fn marks_and_encodings() {
        assert_eq!(to_text(b"\xef\xbb\xbfint x;".to_vec()).unwrap(), b"int x;");
        assert_eq!(to_text(b"\xff\xfei\0n\0t\0".to_vec()).unwrap(), b"int");
        assert_eq!(to_text(b"\xfe\xff\0i\0n\0t".to_vec()).unwrap(), b"int");
        assert_eq!(to_text(b"caf\xe9".to_vec()).unwrap(), b"caf\xe9");
    }

    #[test]
    fn zero_bytes() {
        assert!(to_text(vec![0; 100]).is_none());
        let mut text = b"int x;\n".repeat(1000);
        text[10] = 0;
        assert!(to_text(text).is_some());
    }
}
