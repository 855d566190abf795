//! `[NO-3]` Which addresses are one.

use super::*;

const EMAIL: Normalizer = Normalizer::EMAIL;

#[test]
fn addresses_meet_in_any_case_and_any_quotes() {
    groups(
        EMAIL,
        &[
            &[
                "ada@example.com",
                "Ada@Example.COM",
                " ada@example.com\r\n",
                "\u{A0}ADA@EXAMPLE.COM",
                "\u{FEFF}ada@example.com",
                "\u{202A}ada@example.com\u{202C}",
                "ada@example.com\u{200B}",
                "ada@example.com.",
                "\"ada\"@example.com",
                "\"A\\da\"@example.com",
            ],
            &["a.da@example.com", "\"a.da\"@example.com"],
            &["a..da@example.com", "\"a..da\"@example.com"],
            &["ada.@example.com"],
            &["ada+news@example.com", "Ada+News@example.com"],
            &["ada+@example.com"],
            &["ada-news@example.com"],
            &["ada%example.net@example.com", "ADA%example.net@example.com"],
            &["ada@sub.example.com"],
            &["ada@example.co"],
            &["ada@localhost", "ADA@LOCALHOST."],
            &["\"a@b\"@example.com", "\"A@B\"@EXAMPLE.com", "\"a\\@b\"@example.com"],
            &["\"a,b\"@example.com"],
            &["\"a\\\"b\"@example.com"],
            &["\"a\\\\b\"@example.com"],
            &["o'hara@[192.0.2.1]", "O'Hara@[192.0.2.1]"],
            &["o'hara@192.0.2.1"],
            &[
                "ada@[IPv6:2001:db8::1]",
                "ada@[ipv6:2001:DB8:0:0::1]",
                "ada@[IPv6:2001:0db8:0000:0000:0000:0000:0000:0001]",
            ],
            &["ada@[IPv6:2001:db8::2]"],
            &["ada@[IPv6:::ffff:192.0.2.1]", "ada@[IPv6:::FFFF:c000:201]"],
            &["!#$%&'*+-/=?^_`{|}~@example.com"],
            &["ada@-ex--ample-.com"],
            &["ada@r3---sn.example.com"],
        ],
    );
}

#[test]
fn what_is_no_single_address_is_refused() {
    let label = "a".repeat(64);
    let name = "a.".repeat(127) + "com";
    refused(
        EMAIL,
        &[
            "",
            " ",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "ada@@example.org",
            "ada@b@example.org",
            " ada @example.org",
            "ada@ example.org",
            "ada@exam ple.com",
            "ada@example.org, bob@example.org",
            "ada@example.org;bob@example.org",
            "ada@example.org bob@example.org",
            "Ada <ada@example.org>",
            "<ada@example.org>",
            "mailto:ada@example.org",
            "ada@example.org?subject=x",
            "ada(analyst)@example.org",
            "ada@example.org(analyst)",
            "ada\u{0}@example.org",
            "ada\n@example.org",
            "\"ada lovelace\"@example.org",
            "\"ada@example.org",
            "ada\"@example.org",
            "\"ada\"x@example.org",
            "\"a\"b\"@example.org",
            "\"ada\\\"@example.org",
            "\"\"@example.org",
            "a\\da@example.org",
            "ada@.",
            "ada@.example.org",
            "ada@example..org",
            "ada@example.org..",
            "ada@exam_ple.org",
            "ada@example.org:25",
            "ada@example.org/x",
            "ada@ex%61mple.org",
            "ada@[192.0.2.256]",
            "ada@[192.0.2]",
            "ada@[192.0.2.01]",
            "ada@[192.0.2.1",
            "ada@192.0.2.1]",
            "ada@[]",
            "ada@[2001:db8::1]",
            "ada@[IPv6:2001:db8::g]",
            "ada@[IPv6:fe80::1%eth0]",
            "ada@[IPv6:]",
            "ada@[x-host:abc]",
            &std::format!("ada@{label}.org"),
            &std::format!("ada@{name}"),
        ],
    );
}

/// Each build gives the same, or refuses.
#[test]
fn addresses_in_ascii_need_no_feature() {
    for text in [" Ada@Example.COM\t", "A+B@[192.0.2.1]", "\"A,b\"@B", "!#$%&'*+@x-y.z"] {
        assert_eq!(made(EMAIL, text), text.trim().to_ascii_lowercase());
    }
}

#[cfg(not(feature = "unicode"))]
#[test]
fn addresses_beyond_ascii_need_the_feature() {
    let encoded = ["ada@xn--mnchen-3ya.example", "ada@mail.XN--MNCHEN-3YA.example"];
    refused(EMAIL, &["müller@example.com", "ada@münchen.example", "ada@example。com"]);
    refused(EMAIL, &encoded);
}

proptest! {
    #[test]
    fn an_address_is_normalized_once(
        text in "[a-zA-Z+.%\"\\\\]{1,6}@[a-zA-Z0-9.-]{1,9}|\\PC{1,6}@(\\PC{1,6}\\.)?[a-zA-Z]{1,4}"
    ) {
        if let Ok(once) = EMAIL.apply_text(&text) {
            prop_assert_eq!(&*EMAIL.apply_text(&once).unwrap(), &*once);
            let (_, domain) = once.rsplit_once('@').unwrap();
            prop_assert!(domain.is_ascii() && domain == domain.to_ascii_lowercase());
            if !text.is_ascii() || domain.contains("xn--") {
                return Ok(());
            }
            let lower = text.to_ascii_lowercase();
            prop_assert!(text.contains('"') || text.ends_with('.') || *once == lower.trim());
        }
    }
}

#[cfg(feature = "unicode")]
mod unicode {
    use super::*;

    #[test]
    fn a_domain_is_what_browsers_make_of_it() {
        groups(
            EMAIL,
            &[
                &[
                    "ada@münchen.example",
                    "ada@MÜNCHEN.example",
                    "ada@mu\u{308}nchen.example",
                    "ada@xn--mnchen-3ya.example",
                    "ada@XN--MNCHEN-3YA.EXAMPLE",
                    "ada@xn--Mnchen-3ya.example.",
                    "ada@münchen。example",
                    "ada@münchen．example",
                    "ada@münchen｡example｡",
                    "ada@mün\u{AD}chen.example",
                ],
                &[
                    "ada@example.com",
                    "ada@ｅｘａｍｐｌｅ．ｃｏｍ",
                    "ada@exam\u{200B}ple.com",
                    "ada@example。com",
                ],
                &["ada@munchen.example"],
                &["ada@straße.example", "ada@STRAẞE.example", "ada@xn--strae-oqa.example"],
                &["ada@strasse.example", "ada@STRASSE.example", "ada@ſtraſſe.example"],
                &["ada@βόλος.example", "ada@xn--nxasmm1c.example"],
                &["ada@βόλοσ.example", "ada@ΒΌΛΟΣ.example", "ada@xn--nxasmq6b.example"],
                &["ada@a2.example", "ada@a².example", "ada@A２.example"],
                &["ada@kelvin.example", "ada@\u{212A}elvin.example"],
                &["ada@ısparta.example"],
                &["ada@isparta.example", "ada@Isparta.example"],
                &["ada@i\u{307}sparta.example", "ada@İsparta.example"],
                &["ada@نامه\u{200C}ای.example", "ada@xn--mgba3gch31f060k.example"],
                &["ada@نامهای.example"],
                &["ada@中国.example", "ada@xn--fiqs8s.example"],
                &["ada@中國.example"],
                &["ada@i❤.example", "ada@xn--i-7iq.example"],
                &["ada@ᏣᎳᎩ.example", "ada@ꮳꮃꭹ.example"],
                &["ada@مثال.example", "ada@xn--mgbh0fb.example"],
            ],
        );
    }

    #[test]
    fn different_mailboxes_stay_apart() {
        groups(
            EMAIL,
            &[
                &["straße@example.com", "STRAẞE@example.com"],
                &["strasse@example.com", "STRASSE@example.com"],
                &["οδος@example.com"],
                &["οδοσ@example.com", "ΟΔΟΣ@example.com"],
                &["s@example.com", "S@example.com"],
                &["ſ@example.com"],
                &["k@example.com", "K@example.com"],
                &["\u{212A}@example.com"],
                &["a2@example.com"],
                &["a²@example.com"],
                &["ａ2@example.com", "Ａ2@example.com"],
                &["fi@example.com"],
                &["ﬁ@example.com"],
                &["mike@example.com"],
                &["mıke@example.com"],
                &["mi\u{307}ke@example.com", "mİke@example.com"],
                &["müller@example.com", "MU\u{308}LLER@EXAMPLE.COM", "\"Müller\"@example.com"],
                &["muller@example.com"],
                &["mueller@example.com"],
                &["å@example.com", "\u{212B}@example.com", "A\u{30A}@example.com"],
                &["ω@example.com", "\u{2126}@example.com"],
                &["q\u{323}\u{307}@example.com", "q\u{307}\u{323}@example.com"],
                &["ᏣᎳᎩ@example.com", "ꮳꮃꭹ@example.com"],
                &["ǆ@example.com", "ǅ@example.com", "Ǆ@example.com"],
                &["dž@example.com"],
                &["ガ@example.com", "カ\u{3099}@example.com"],
                &["ｶﾞ@example.com"],
                &["o'hara@example.com"],
                &["o’hara@example.com"],
                &["`@example.com"],
                &["\u{1FEF}@example.com"],
                &["ی@example.com"],
                &["ي@example.com"],
                &["نامه\u{200C}ای@example.com"],
                &["نامهای@example.com"],
                &["☕@example.com"],
                &["☕\u{FE0F}@example.com"],
                &["ada\u{2024}b@example.com"],
                &["ada.b@example.com"],
            ],
        );
    }

    #[test]
    fn what_no_server_takes_is_refused() {
        refused(
            EMAIL,
            &[
                "\u{200B}@example.org",
                "ad\u{200B}a@example.org",
                "ad\u{AD}a@example.org",
                "ad\u{202E}a@example.org",
                "ad\u{FEFF}a@example.org",
                "ada@\u{AD}",
                "ada@\u{200B}.com",
                "ada@a.\u{AD}.com",
                "ada\u{3000}b@example.org",
                "ada\u{37E}b@example.org",
                "ada＠example.org",
                "ada@exa\u{3000}mple.org",
                // No joiner stands between Latin letters, and no right-to-left letter behind a digit.
                "ada@a\u{200D}b.example",
                "ada@a\u{200C}b.example",
                "ada@1א.example",
                "ada@aא.example",
                "ada@\u{301}a.example",
                "ada@xn--a.example",
                "ada@xn--.example",
                "ada@xn--a-ecp.ru\u{200D}",
                "ada@xn--strasse-.example",
                "ada@xn--mu\u{308}nchen.example",
                "ada@℀.example",
                "ada@≠.example\u{378}",
                "ada@a\u{378}b.example",
                // Of Unicode 17: U+16EBB is a letter, U+10940 one from right to left.
                "ada@a\u{16EBB}.example",
                "ada@xn--a-qc7m.example",
                "ada@\u{10940}.example",
                "ada@a\u{E000}b.example",
                "ada@[１９２.0.2.1]",
            ],
        );
        let long = "ü".repeat(60) + ".example";
        refused(EMAIL, &[&std::format!("ada@{long}")]);
    }

    /// Every character before the `@` and after it: normalized once, and its case folded.
    #[test]
    fn every_character_of_an_address_is_normalized_once() {
        use unicode_normalization::UnicodeNormalization;

        let all = ('\0'..='\u{33FF}').chain('\u{A640}'..='\u{ABFF}').chain('\u{F900}'..='\u{FFFF}');
        for char in all.chain('\u{10400}'..='\u{105FF}').chain('\u{1E900}'..='\u{1E95F}') {
            let text = std::format!("a{char}\u{301}b@example.com");
            let Ok(once) = EMAIL.apply_text(&text) else { continue };
            assert_eq!(EMAIL.apply_text(&once).unwrap(), once, "{}", text.escape_unicode());
            if crate::index::unicode::is_unassigned(char) || "\u{212A}\u{1FEF}".contains(char) {
                continue;
            }
            for other in [text.nfc().collect::<String>(), text.nfd().collect()] {
                assert_eq!(made(EMAIL, &other), *once, "{}", text.escape_unicode());
            }
            // No character beyond ASCII becomes one of it: but the i of İ, which keeps its dot.
            let (local, _) = once.rsplit_once('@').unwrap();
            let plain = local.chars().filter(char::is_ascii).count();
            assert!(plain <= 2 || char.is_ascii() || char == 'İ', "{}", text.escape_unicode());
        }
    }

    proptest! {
        #[test]
        fn composed_and_decomposed_addresses_are_one(
            local in "[a-zA-Zäöüéàçñ\u{300}-\u{345}α-ωЁ-я]{1,8}",
            domain in "[a-zäöüéßœ]{1,8}"
        ) {
            use unicode_normalization::UnicodeNormalization;

            let text = std::format!("{local}@{domain}.example");
            let of = |text: String| EMAIL.apply_text(&text).map_err(|error| error.kind());
            let nfd = of(text.nfd().collect());
            prop_assert_eq!(of(text.nfc().collect()), nfd.clone());
            prop_assert_eq!(of(text), nfd);
        }
    }
}
