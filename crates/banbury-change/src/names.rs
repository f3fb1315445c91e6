//! What a name says about what is behind it: the parts of `nas_security_verify_mac` are words.

use rustc_hash::FxHashMap;

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal: $($word:literal)*;)*) => {
        $($(#[$doc])* pub const $name: u32 = 1 << $bit;)*
        const WORDS: &[(u32, &[&str])] = &[$(($name, &[$($word),*])),*];
    };
}

classes! {
    /// Gives something back.
    RELEASE = 0: "free" "unref" "put" "release" "destroy" "close" "delete" "cleanup" "del" "fini" "final" "unlock"
        "remove" "discard" "drop" "purge" "flush" "detach" "unlink" "expire" "stop" "cancel" "teardown" "exit";
    /// Wipes or resets.
    ERASE = 1: "memset" "bzero" "zero" "zeroize" "cleanse" "wipe" "clear" "reset" "erase" "scrub" "init"
        "calloc" "invalidate" "safefree";
    /// Decides whether something is allowed or sound.
    CHECK = 2: "check" "verify" "validate" "valid" "auth" "authenticate" "authorize" "authorized" "permit"
        "allow" "allowed" "access" "assert" "match" "matches" "compare" "cmp" "memcmp" "strcmp" "strcasecmp"
        "strncmp" "bounds" "sanity" "sanitize" "filter" "reject" "deny" "acl" "verified" "ensure" "require"
        "is" "has" "can" "expect" "test" "limit" "restrict" "policy" "trusted" "trust" "safe" "secure" "strict";
    CRYPTO = 3: "ssl" "tls" "dtls" "x509" "cert" "certs" "certificate" "hmac" "mac" "rand" "random" "encrypt"
        "decrypt" "cipher" "ciphers" "sign" "signature" "hash" "sha1" "sha256" "md5" "aes" "rsa" "ec" "dh" "crypto"
        "nonce" "iv" "salt" "entropy" "seed" "digest" "integrity" "kdf" "ciphering" "security" "peer" "hostname";
    SECRET = 4: "password" "passwd" "pass" "secret" "credential" "credentials" "token" "key" "keys" "privkey"
        "pin" "login" "user" "username" "apikey" "cookie" "psk" "community" "opc" "ki" "k";
    /// Runs or loads something.
    EXEC = 5: "system" "popen" "exec" "execl" "execv" "execvp" "execlp" "execve" "spawn" "dlopen" "dlsym" "eval"
        "fork" "shell" "sh" "bash" "curl" "wget" "nc" "command" "cmd" "script" "source" "load" "plugin";
    COPY = 6: "memcpy" "memmove" "strcpy" "strcat" "sprintf" "vsprintf" "strncpy" "strncat" "snprintf" "vsnprintf"
        "strlcpy" "strlcat" "copy" "cpy" "gets" "scanf" "sscanf" "read" "recv" "bcopy" "memdup" "strndup" "append"
        "put" "pull" "push" "printf" "cat" "alloca" "dup";
    NETWORK = 7: "listen" "bind" "connect" "accept" "socket" "addr" "address" "port" "host" "url" "uri" "dns"
        "server" "sockopt" "setsockopt" "inaddr" "any" "loopback" "localhost" "proxy" "remote" "dev" "net"
        "multicast" "interface" "allowlist" "origin" "redirect";
    PERMISSION = 8: "chmod" "umask" "mkdir" "chown" "setuid" "setgid" "seteuid" "setgroups" "privs" "priv" "mode"
        "perm" "permission" "permissions" "cap" "caps" "capability" "root" "admin" "role" "privilege" "sandbox"
        "seccomp" "owner" "group" "uid" "gid" "open" "fopen" "owned" "drop";
    LOCK = 9: "lock" "unlock" "mutex" "rwlock" "rdlock" "wrlock" "trylock" "spin" "atomic" "sem" "rcu" "cond";
    LOG = 10: "log" "debug" "info" "warn" "warning" "error" "notice" "trace" "fatal" "printf" "fprintf" "perror" "err"
        "print" "msg" "vty" "out" "infof" "failf" "zlog" "dbg" "show" "dump" "message";
    LENGTH = 11: "len" "length" "size" "sizeof" "count" "num" "n" "max" "min" "limit" "offset" "off" "idx" "index"
        "cap" "capacity" "left" "remain" "remaining" "avail" "bytes" "nbytes" "sz" "end" "depth" "bound" "ttl"
        "maxlen" "total" "strlen" "level" "width" "hops" "bits" "octets" "getp" "endp" "readable" "writeable";
    INPUT = 12: "recv" "read" "parse" "parser" "decode" "handle" "handler" "packet" "pkt" "msg" "message" "pdu" "input"
        "request" "req" "unpack" "dissect" "rx" "receive" "received" "response" "stream" "tlv" "frame" "header"
        "on" "incoming" "process" "notify" "recvfrom" "recvmsg" "get" "from" "sm" "attr" "lsa" "nlri" "ie" "http"
        "callback" "cb" "rcv" "load" "import" "upload" "body" "payload" "hdr" "unmarshal" "deserialize" "scan";
    ERROR = 13: "error" "err" "fail" "failed" "failure" "invalid" "bad" "abort" "errno" "einval" "reject" "denied"
        "illegal" "malformed" "overflow" "fatal" "unauthorized" "forbidden" "e" "unexpected" "corrupt" "refused";
    ALLOC = 14: "malloc" "calloc" "realloc" "alloc" "new" "create" "xmalloc" "xcalloc" "strdup" "dup" "zalloc"
        "acquire" "ref" "get" "open" "reserve" "pool" "buf" "buffer" "memdup" "make";
    /// Weakens when it appears.
    LAX = 15: "insecure" "debug" "noverify" "disable" "disabled" "nocheck" "skip" "bypass" "ignore" "unsafe" "allowall"
        "permissive" "none" "null" "anonymous" "any" "fallback" "backdoor" "unchecked" "weak" "legacy" "off" "no"
        "md5" "rc4" "des" "3des" "ssl3" "sslv3" "tlsv1" "md4" "ecb" "export" "relaxed" "optional" "noauth" "all";
    /// Hardens when it is there.
    HARDEN = 16: "fstack" "protector" "fortify" "relro" "pie" "noexecstack" "wformat" "format" "hardening" "sanitize"
        "cf" "protection" "strict" "verify" "werror" "fpie" "pic" "clash" "wall" "wextra" "required" "tls" "enforce"
        "noexec" "nx" "aslr" "seccomp" "sandbox" "nodev" "nosuid" "protectsystem" "nonewprivileges" "privatetmp"
        "hash" "sha256" "checksum" "gpg" "pgp" "signature" "signed" "verifypeer" "verifyhost" "auth" "stack" "now"
        "harden" "capabilityboundingset" "bindings" "wl" "secure" "certificate" "integrity" "source";
    TIME = 17: "timeout" "timer" "interval" "retry" "retries" "max" "limit" "rate" "backoff" "holdtime" "lifetime" "age";
}

/// Looks names up, each once.
#[derive(Default)]
pub struct Lexicon {
    words: FxHashMap<&'static str, u32>,
}

impl Lexicon {
    pub fn new() -> Lexicon {
        let mut words = FxHashMap::default();
        for (class, list) in WORDS {
            for word in *list {
                *words.entry(*word).or_default() |= class;
            }
        }
        Lexicon { words }
    }

    /// The classes of all parts of a name.
    pub fn classes(&self, name: &str) -> u32 {
        let mut classes = 0;
        each_part(name, |part| {
            classes |= self.words.get(part).copied().unwrap_or(0);
        });
        classes
    }
}

/// Parts of a name in lower case: at `_`, at a capital after a small letter, and at signs.
pub fn each_part(name: &str, mut take: impl FnMut(&str)) {
    let mut part = String::new();
    let mut small_before = false;
    for char in name.chars() {
        if !char.is_ascii_alphanumeric() {
            if !part.is_empty() {
                take(&part);
                part.clear();
            }
            small_before = false;
            continue;
        }
        if char.is_ascii_uppercase() && small_before {
            take(&part);
            part.clear();
        }
        small_before = char.is_ascii_lowercase();
        part.push(char.to_ascii_lowercase());
    }
    if !part.is_empty() {
        take(&part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let mut parts = Vec::new();
        each_part("ogs_nasVerifyMAC2-x", |part| parts.push(part.to_owned()));
        assert_eq!(parts, ["ogs", "nas", "verify", "mac2", "x"]);
        let lexicon = Lexicon::new();
        assert!(lexicon.classes("SSL_CTX_set_verify") & CRYPTO != 0);
        assert!(lexicon.classes("ogs_free") & RELEASE != 0);
        assert_eq!(lexicon.classes("banana"), 0);
    }
}
