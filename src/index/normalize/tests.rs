use std::string::ToString;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

mod email;

fn made(normalizer: Normalizer, text: &str) -> String {
    normalizer.apply_text(text).unwrap().to_string()
}

fn refused(normalizer: Normalizer, texts: &[&str]) {
    for text in texts {
        let Err(error) = normalizer.apply_text(text) else { panic!("{normalizer} takes {text:?}") };
        assert_eq!(error.kind(), crate::ErrorKind::InvalidInput, "{text}");
        assert!(text.trim().len() < 3 || !error.to_string().contains(text.trim()), "{error}");
    }
}

/// Texts of one row are one; those of different rows differ.
fn groups(normalizer: Normalizer, rows: &[&[&str]]) {
    let mut seen = Vec::new();
    for row in rows {
        let forms: Vec<_> = row.iter().map(|text| made(normalizer, text)).collect();
        assert!(forms.iter().all(|form| form == &forms[0]), "{normalizer}: {row:?} are {forms:?}");
        assert!(!seen.contains(&forms[0]), "{normalizer}: {row:?} are as an earlier row");
        seen.push(forms[0].clone());
    }
}

#[test]
fn nothing_is_normalized_that_was_not_asked_for() {
    assert_eq!(made(Normalizer::NONE, " A\u{301}\u{AD} "), " A\u{301}\u{AD} ");
    let apply = |item: &Item<'_>| Normalizer::NONE.apply(item).map(|item| item.to_vec());
    assert_eq!(apply(&Item::Integer(7)).unwrap(), [7]);
    assert_eq!(apply(&Item::Text("A")).unwrap(), [0x61, b'A']);
    for none in [Item::Absent, Item::Float, Item::Other] {
        assert!(apply(&none).is_err());
    }
}

#[test]
fn normalizers_take_text_only() {
    for normalizer in [Normalizer::EMAIL, Normalizer::DIGITS, Normalizer::DATE] {
        for item in [Item::Integer(7), Item::Bytes(b"7"), Item::Date("2024-02-29"), Item::Absent] {
            let error = normalizer.apply(&item).unwrap_err();
            assert!(error.to_string().contains(&normalizer.to_string()), "{error}");
        }
    }
    let date = Normalizer::DATE.apply(&Item::Text("20240229")).unwrap();
    assert_eq!(date.as_slice(), b"\x6A2024-02-29");
}

#[test]
fn digits_of_every_script_are_one() {
    groups(
        Normalizer::DIGITS,
        &[
            &[
                "4242 4242",
                "4242-4242",
                "42424242",
                "DE 42.42/42 42",
                "４２４２４２４２",
                "٤٢٤٢٤٢٤٢",
                "४२४२४२४२",
                "𝟒𝟐𝟜𝟚𝟦𝟤𝟰𝟮",
            ],
            &["042424242"],
            &["0", "zero: 0", "௦"],
            &["00"],
        ],
    );
    refused(Normalizer::DIGITS, &["", " ", "none", "½", "²", "Ⅳ", "四", "①"]);
    let nines = digits::normalize("\u{1FBF9}\u{11DE9}\u{FF19}\u{669}9").unwrap();
    assert_eq!(nines.as_str(), "99999");
    for no_digit in ['\u{2F}', '\u{3A}', '\u{65F}', '\u{66A}', '\u{FF0F}', '\u{FF1A}', '\u{1FBFA}']
    {
        assert_eq!(digits::ascii_digit(no_digit), None);
    }
}

#[test]
fn dates_are_days_there_are() {
    groups(
        Normalizer::DATE,
        &[
            &["2024-02-29", "20240229", " 2024-02-29\n"],
            &["2024-03-01"],
            &["0000-01-01", "00000101"],
            &["9999-12-31"],
        ],
    );
    refused(
        Normalizer::DATE,
        &[
            "",
            "2023-02-29",
            "20230229",
            "1900-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-1",
            "29.02.2024",
            "02/29/2024",
            "2024/02/29",
            "2024-0229",
            "2024-02-29T00:00",
            "2024-W09-4",
            "2024-060",
            "2024060",
            "+2024-02-29",
            "+0240229",
            "２０２４-02-29",
            "2024é29",
            "ééé20",
        ],
    );
}

#[test]
fn a_custom_one_says_its_name_and_not_the_value() {
    const IBAN: Normalizer = Normalizer::custom("iban", |text| {
        let kept: String = text.chars().filter(|char| !char.is_whitespace()).collect();
        (kept.len() > 4).then(|| kept.to_uppercase())
    });
    assert_eq!(made(IBAN, "de02 1203 0000"), "DE0212030000");
    let error = IBAN.apply_text("de02").unwrap_err().to_string();
    assert!(error.contains("iban") && !error.contains("de02"), "{error}");
}

#[test]
fn the_schema_shows_names() {
    const OTHER: Normalizer = Normalizer::custom("iban", |_| None);
    const IBAN: Normalizer = Normalizer::custom("iban", |text| Some(text.into()));
    const BIC: Normalizer = Normalizer::custom("bic", |text| Some(text.into()));
    let named = [
        (Normalizer::NONE, "none"),
        (Normalizer::EMAIL, "email"),
        (Normalizer::DIGITS, "digits"),
        (Normalizer::DATE, "date"),
        (IBAN, "custom:iban"),
        (BIC, "custom:bic"),
        #[cfg(feature = "unicode")]
        (Normalizer::TEXT, "text"),
        #[cfg(feature = "unicode")]
        (Normalizer::TEXT.without_accents(), "text-without-accents"),
        #[cfg(feature = "phone")]
        (Normalizer::phone("DE"), "phone:DE"),
        #[cfg(feature = "phone")]
        (Normalizer::phone("US"), "phone:US"),
    ];
    for (at, (normalizer, name)) in named.iter().enumerate() {
        assert_eq!(normalizer.to_string(), *name);
        #[cfg(feature = "serde")]
        assert_eq!(serde_json::to_value(normalizer).unwrap(), *name);
        for (beside, (other, _)) in named.iter().enumerate() {
            assert_eq!(normalizer == other, at == beside, "{name}");
        }
    }
    assert_eq!(OTHER, IBAN);
}

proptest! {
    #[test]
    fn once_is_enough(text in "\\PC{0,12}|[0-9 /.-]{0,12}|[a-zA-Z+. ]{0,5}@[a-zA-Z. ]{0,9}") {
        for normalizer in [Normalizer::EMAIL, Normalizer::DIGITS, Normalizer::DATE] {
            if let Ok(once) = normalizer.apply_text(&text) {
                prop_assert_eq!(normalizer.apply_text(&once).unwrap(), once);
            }
        }
    }

    #[test]
    fn no_refusal_shows_the_value(text in "[a-zäß0-9@ -]{4,20}") {
        for normalizer in every() {
            if let Err(error) = normalizer.apply_text(&text) {
                prop_assert!(!error.to_string().contains(&text), "{}", error);
            }
        }
    }
}

fn every() -> Vec<Normalizer> {
    vec![
        Normalizer::EMAIL,
        Normalizer::DIGITS,
        Normalizer::DATE,
        Normalizer::custom("never", |_| None),
        #[cfg(feature = "unicode")]
        Normalizer::TEXT,
        #[cfg(feature = "phone")]
        Normalizer::phone("DE"),
    ]
}

#[cfg(feature = "phone")]
mod phone {
    use super::*;

    const DE: Normalizer = Normalizer::phone("DE");

    #[test]
    fn numbers_meet_however_they_are_spelled() {
        groups(
            DE,
            &[
                &[
                    "+493012345678",
                    "030 12345678",
                    "(030) 123 456-78",
                    "030/12345678",
                    "030.1234.5678",
                    "+49 30 12345678",
                    "+49 (0)30 12345678",
                    "(+49) 30 12345678",
                    "0049 30 12345678",
                    "00 49 (30) 12345678",
                    "49 30 12345678",
                    "tel:+49-30-12345678",
                    "TEL:030-12345678",
                    " 030\u{A0}12345678\n",
                    "030\u{2013}12345678",
                    "\u{202A}+49 30 12345678\u{202C}",
                    "０３０　１２３４５６７８",
                    "＋４９（３０）１２３４５６７８",
                    "٠٣٠١٢٣٤٥٦٧٨",
                ],
                &["030 12345679"],
                &["040 12345678"],
                &["0151 23456789", "+49 151 23456789"],
                &["+1 650 253 0000", "001 650 253 0000", "+1 (650) 253-0000"],
                &["+43 30 12345678"],
                // Where a zero is a part of the number.
                &["+39 06 12345678", "0039 06 12345678"],
                &["+39 6 12345678"],
                &["+225 01 23 45 67 89"],
                &["+800 1234 5678"],
            ],
        );
    }

    #[test]
    fn each_region_has_its_prefixes() {
        for (region, spelled, number) in [
            ("US", "(650) 253-0000", "+16502530000"),
            ("US", "1-650-253-0000", "+16502530000"),
            ("US", "011 49 30 12345678", "+493012345678"),
            ("GB", "020 7031 3000", "+442070313000"),
            ("GB", "+44 (0)20 7031 3000", "+442070313000"),
            ("FR", "01 23 45 67 89", "+33123456789"),
            ("IT", "06 12345678", "+390612345678"),
            ("SM", "886377", "+3780549886377"),
            ("RU", "8 (912) 345-67-89", "+79123456789"),
            ("RU", "8 800 123-45-67", "+78001234567"),
            ("BY", "+375 801 123 4567", "+3758011234567"),
            ("BR", "0 15 11 96123-4567", "+5511961234567"),
            ("AR", "011 15-2345-6789", "+5491123456789"),
            ("MX", "55 1234 5678", "+525512345678"),
            ("JP", "03-1234-5678", "+81312345678"),
            ("CI", "01 23 45 67 89", "+2250123456789"),
            ("CH", "044 668 18 00", "+41446681800"),
        ] {
            let normalizer = match region {
                "US" => Normalizer::phone("US"),
                "GB" => Normalizer::phone("GB"),
                "FR" => Normalizer::phone("FR"),
                "IT" => Normalizer::phone("IT"),
                "SM" => Normalizer::phone("SM"),
                "RU" => Normalizer::phone("RU"),
                "BY" => Normalizer::phone("BY"),
                "BR" => Normalizer::phone("BR"),
                "AR" => Normalizer::phone("AR"),
                "MX" => Normalizer::phone("MX"),
                "JP" => Normalizer::phone("JP"),
                "CI" => Normalizer::phone("CI"),
                _ => Normalizer::phone("CH"),
            };
            assert_eq!(made(normalizer, spelled), number, "{region} {spelled}");
            assert_eq!(made(DE, number), number);
        }
    }

    #[test]
    fn what_is_no_whole_number_is_refused() {
        refused(
            DE,
            &[
                "",
                "+",
                "0",
                "110",
                "+49",
                "++49 30 12345678",
                "+49 + 30 12345678",
                "+0 30 12345678",
                "+999 123456",
                "+1 253 0000",
                "030 12345678 ext. 5",
                "030 12345678x5",
                "030 12345678;ext=5",
                "0800 FLOWERS",
                "ada@example.com",
                "030 12345678, 030 12345679",
                "999999999999999999999999999999",
                "9999999999999999999999999999999999999999999999",
                "\u{0}030 12345678",
            ],
        );
    }

    #[test]
    #[should_panic(expected = "such as GB and not UK")]
    fn a_region_there_is_not_is_refused_where_it_is_declared() {
        let _ = Normalizer::phone("UK");
    }

    proptest! {
        #[test]
        fn once_is_enough_and_nothing_panics(text in "\\PC{0,20}|[+]?[0-9 ()./-]{0,24}|[+]?[0-9]{5,15}") {
            for normalizer in [DE, Normalizer::phone("US"), Normalizer::phone("AR"), Normalizer::phone("VA")] {
                if let Ok(once) = normalizer.apply_text(&text) {
                    prop_assert!(once.starts_with('+') && once[1..].bytes().all(|byte| byte.is_ascii_digit()));
                    prop_assert_eq!(normalizer.apply_text(&once).unwrap(), once);
                }
            }
        }
    }
}

#[cfg(feature = "unicode")]
mod text {
    use super::*;

    const TEXT: Normalizer = Normalizer::TEXT;
    const PLAIN: Normalizer = Normalizer::TEXT.without_accents();

    #[test]
    fn every_decision_about_letters_is_as_documented() {
        groups(
            TEXT,
            &[
                &["René", "Rene\u{301}", "RENÉ", "RENE\u{301}", " rené ", "ＲＥＮÉ"],
                &["Rene"],
                &["Müller", "MÜLLER", "Mu\u{308}ller", "müller"],
                &["Mueller"],
                &["Muller"],
                &["Straße", "STRASSE", "STRAẞE", "strasse", "ſtraſſe"],
                &["ΟΔΟΣ", "οδος", "οδοσ"],
                &["ᾳ", "ᾼ", "αι", "ΑΙ", "α\u{345}"],
                &["ﬁn", "FIN", "fin"],
                &["ABC123", "ＡＢＣ１２３", "abc¹²³"],
                &["ガ", "ｶﾞ", "カ\u{3099}"],
                &["カ"],
                &["3"],
                &["٣"],
                &["Isparta", "ISPARTA", "isparta"],
                &["ısparta"],
                &["İsparta", "i\u{307}sparta", "I\u{307}SPARTA"],
                &["Łódź", "łódź", "ŁÓDŹ"],
                &["Lódź"],
                &["Ångström", "A\u{30A}ngstro\u{308}m", "\u{212B}ngström"],
                &["Dvořák", "DVOŘÁK"],
                &["ё", "Ё", "е\u{308}"],
                &["е"],
                &["Ǆ", "ǅ", "ǆ", "dž"],
                &["ŉ", "ʼn"],
                &["한", "\u{1112}\u{1161}\u{11AB}"],
                &["o'hara", "O’HARA", "O\u{2BC}Hara", "o‘hara", "o\u{FF07}hara", "o\u{2032}hara"],
                &["Hawai'i", "Hawai\u{2BB}i"],
                &["ohara"],
                &[
                    "a-b",
                    "a\u{2010}b",
                    "a\u{2011}b",
                    "a\u{2012}b",
                    "A–b",
                    "a−b",
                    "a－b",
                    "a\u{FE63}b",
                ],
                &["a—b"],
                &["محمد", "محـمد", "محـــمد", "مـحـمـد"],
                &["کریم", "كريم", "كریم"],
                &["كرىم"],
                &["هدى"],
                &["هدي", "هدی"],
                &["فاطمة"],
                &["فاطمه"],
            ],
        );
    }

    #[test]
    fn white_space_is_one_space_and_what_is_invisible_is_nothing() {
        groups(
            TEXT,
            &[
                &[
                    "van Gogh",
                    " van  gogh ",
                    "van\tgogh",
                    "van\u{A0}gogh",
                    "van\u{3000}gogh\n",
                    "van\u{2028}gogh",
                    "van\u{1680}gogh",
                    "van\u{85}gogh",
                    "van \u{200B} gogh",
                    "\u{FEFF}van gogh",
                    "van go\u{AD}gh",
                    "van g\u{200D}ogh\u{FE0F}",
                    "\u{202E}van gogh\u{202C}",
                ],
                &["vangogh", "van\u{200B}gogh"],
                &["van-gogh"],
                &["van\u{0}gogh"],
                &["", " ", "\u{AD}", "\u{3000}\n"],
            ],
        );
    }

    #[test]
    fn accents_go_and_letters_stay() {
        groups(
            PLAIN,
            &[
                &["René", "Rene", "RENE\u{301}", "rène", "ręnȩ"],
                &["Müller", "Muller"],
                &["Mueller"],
                &["Isparta", "ISPARTA", "ısparta", "İsparta", "IŞPARTA", "ışparta"],
                &["Łódź", "łodz", "ŁODZ"],
                &["Lodz"],
                &["Søren"],
                &["Soren", "Sören"],
                &["Nguyễn", "nguyen", "NGUYÊ\u{303}N"],
                &["Ünal", "unal"],
                &["ёлка", "елка"],
                &["Άννα", "αννα"],
                &["שָׁלוֹם", "שלום"],
                &["مُحَمَّد", "محمد"],
                &["أحمد", "احمد", "ٱحمد", "إحمد"],
                &["على", "علي", "علی"],
                &["ہما", "هما"],
                &["فاطمة"],
                &["فاطمه"],
                &["か"],
                &["が", "か\u{3099}"],
                &["हिन्दी"],
                &["हन्दी"],
                &["हिनदी"],
                &["มี"],
                &["มา"],
                &["ม"],
                &["="],
                &["≠"],
            ],
        );
    }

    /// Where characters stand that have a case, a mark, or another form: of the rest there are a million, all
    /// alike.
    const FOLDED: [core::ops::RangeInclusive<char>; 12] = [
        '\0'..='\u{33FF}',
        '\u{A640}'..='\u{ABFF}',
        '\u{F900}'..='\u{FFFF}',
        '\u{10400}'..='\u{105FF}',
        '\u{10C80}'..='\u{10DFF}',
        '\u{11000}'..='\u{119FF}',
        '\u{16D40}'..='\u{16EFF}',
        '\u{1CCD6}'..='\u{1CCF9}',
        '\u{1D150}'..='\u{1D7FF}',
        '\u{1E000}'..='\u{1F2FF}',
        '\u{2F800}'..='\u{2FA1F}',
        '\u{E0000}'..='\u{E01FF}',
    ];

    #[test]
    fn every_character_is_normalized_once() {
        for char in FOLDED.iter().cloned().flatten() {
            let around = std::format!("a{char}\u{301}b");
            for text in [String::from(char), around] {
                for normalizer in [TEXT, PLAIN] {
                    let once = made(normalizer, &text);
                    assert_eq!(made(normalizer, &once), once, "{}", text.escape_unicode());
                }
                // What was made already loses its accents as what was not.
                assert_eq!(
                    made(PLAIN, &made(TEXT, &text)),
                    made(PLAIN, &text),
                    "{}",
                    text.escape_unicode()
                );
            }
            let (upper, lower) = (char.to_uppercase(), char.to_lowercase());
            // What is left as it is has one case here. [NO-9]
            let is_known = |char| !crate::index::unicode::is_unassigned(char);
            if !"ıİ".contains(char) && upper.clone().chain(lower.clone()).all(is_known) {
                let lower = made(TEXT, &lower.collect::<String>());
                assert_eq!(
                    made(TEXT, &upper.collect::<String>()),
                    lower,
                    "{}",
                    char.escape_unicode()
                );
            }
        }
    }

    /// `[NO-9]`
    #[test]
    fn what_unicode_16_does_not_assign_is_left_as_it_is() {
        // Beria Erfe of Unicode 17 has two cases; U+209D of Unicode 18 is a `w` below.
        for unknown in ['\u{16EA0}', '\u{16EBB}', '\u{209D}', '\u{378}', '\u{10FFFF}'] {
            assert_eq!(made(TEXT, &std::format!("A{unknown} É")), std::format!("a{unknown} é"));
            // And keeps the marks behind it from what is before it.
            let text = std::format!("e{unknown}\u{301}");
            assert_eq!(made(TEXT, &text), text);
        }
        assert_eq!(made(TEXT, "e\u{E0FFF}\u{301}"), "é", "what is invisible is known for ever");
    }

    /// `[NO-9]` A checksum (FNV-1a) of what is made of all these characters, 16 at a time. If it changes with
    /// an update of a library or the compiler, stored terms would not be found: the update is not to be taken.
    /// The second implementation gives the same number.
    #[test]
    fn an_update_of_tables_changes_no_term() {
        let mut sum = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |text: &str| {
            for byte in text.bytes().chain([0]) {
                sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        let all: Vec<char> = FOLDED.iter().cloned().flatten().collect();
        for some in all.chunks(16) {
            let text: String = some.iter().flat_map(|char| ['a', *char, '\u{301}']).collect();
            add(&made(TEXT, &text));
            add(&made(PLAIN, &text));
            let runs = crate::index::words::runs(&text);
            crate::index::words::of_a_value(&runs).unwrap().into_iter().for_each(&mut add);
            let is_of_addresses =
                |char: &char| Normalizer::EMAIL.apply_text(&std::format!("{char}@b")).is_ok();
            let local: String = some.iter().copied().filter(is_of_addresses).collect();
            add(Normalizer::EMAIL
                .apply_text(&std::format!("a{local}@b"))
                .as_deref()
                .map_or("", String::as_str));
        }
        assert_eq!(sum, 0x58f9_5fec_a078_fc03);
    }

    proptest! {
        #[test]
        fn text_is_normalized_once(text in "\\PC{0,16}|[\\p{L}\\p{M}\\p{Z}]{0,16}") {
            use unicode_normalization::UnicodeNormalization;

            for normalizer in [TEXT, PLAIN] {
                let once = made(normalizer, &text);
                prop_assert_eq!(&made(normalizer, &once), &once);
                if text.chars().any(crate::index::unicode::is_unassigned) {
                    continue;
                }
                for other in [text.nfc().collect::<String>(), text.nfd().collect(), text.nfkc().collect(), text.nfkd().collect()] {
                    prop_assert_eq!(&made(normalizer, &other), &once);
                }
                prop_assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "));
            }
        }
    }
}

#[cfg(feature = "phone")]
#[test]
fn the_regions_that_are_taken_are_those_whose_plans_are_known() {
    let letters = || 'A'..='Z';
    let pairs = letters().flat_map(|a| letters().map(move |b| String::from_iter([a, b])));
    let known: String =
        pairs.filter(|region| phonenumber::metadata::DATABASE.by_id(region).is_some()).collect();
    assert_eq!(known, super::phone::REGIONS);
}
