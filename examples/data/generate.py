#!/usr/bin/env python3
"""Write customers.csv: synthetic customers for the field-encryption examples.

Every person in the file is invented. Names are common given and family names put together at random, so a match
with anyone living or dead is chance. E-mail domains are the RFC 2606 example domains; phone numbers come from ranges
that regulators keep free for fiction; card numbers carry the prefixes of well-known test cards; IBANs have right check
digits but bank codes of only zeros or nines (ZZZZ where the code is made of letters), which no bank holds.

    generate.py                       rewrite customers.csv beside this script
    generate.py --check               exit 1 if that file is not what would be written
    generate.py --rows N --out PATH   write another size elsewhere

The output depends on SEED and the row count alone: every choice is made from Random(SEED).random().
"""
import argparse
import random
import sys
import unicodedata
from datetime import date, datetime, timedelta
from pathlib import Path

SEED, ROWS = 20250618, 1000
DEFAULT_OUT = Path(__file__).resolve().parent / "customers.csv"
COLUMNS = "id,name,email,phone,birth_date,street,city,postcode,country,iban,card,notes,plan,created_at"

# (weight, layout, given names, family names, streets, places).  Layout: "gf" given then family, "f g" family first,
# "fg" family first and no space. "A B | C D" are two groups that go together (male and female forms).
# "name=latin" gives the Latin spelling where FOLD below cannot. Place: country/city/postcode.
# In patterns: # digit, % digit 1-9, @ capital letter.
ENGLISH = ("gf", "Chloë Zoë Renée Siân Seán Aoife Alice Harriet Noah Callum Priya Marcus Esmé Grace Dylan",
           "Ashworth Whitfield O'Keefe Bentham Pryce Okafor McAllister Hargreave Fairbairn Núñez D'Arcy Ellery")
NORDIC = ("gf", "Søren Birthe Bjørn Solveig Jørgen Åse Øyvind Ragnhild Kåre Mette Pål Bodil Jens Gro",
          "Sørensen Ødegård Bjørnstad Ærø-Holm Nygård Østergaard Kjærgaard Håland Lærke Strøm Mørk Næss")
LOCALES = [
    (9, *ENGLISH, "%# Church Lane;% Mill Road;Flat %, %# Station Road;%#@ High Street;The Old Bakery, % Green Lane",
     "GB/London/SE% %@@;GB/Leeds/LS# %@@;GB/Caernarfon/LL5# %@@;GB/Inverness/IV% %@@;IE/Dún Laoghaire/A96 @%@#"),
    (8, *ENGLISH, "%## Maple Avenue;%### Oak Street, Apt. %#;%### N. Elm Blvd;%# Cedar Court",
     "US/Portland/972##;US/Springfield/627##;US/Santa Fe/875##;US/Burlington/054##"),
    (4, *ENGLISH, "Unit %/%# Beach Parade;%# Wattle Street;%/%## Harbour Road", "AU/Fremantle/6160;AU/Hobart/70##;AU/Wagga Wagga/265#"),
    (13, "gf", "Jürgen Käthe Björn Sören Anneliese Lukas Jörg Bärbel Heike Günther Änne Felix Ursula Till",
     "Weiß Strauß Müller Großmann Schäfer Krüger Köhler Böhm Preuß Hößl Jäger Schröder Kühn Voß",
     "Hauptstraße %#;Lindenweg %a;Schloßgasse %;Große Gasse %#;Am Mühlbach %;Jägerstraße %## (Hinterhaus)",
     "DE/Berlin/10###;DE/München/80###;DE/Köln/50###;DE/Görlitz/02###;DE/Gießen/353##;AT/Wien/1%%0;AT/Sankt Pölten/31##;CH/Zürich/80##"),
    (8, "gf", "Éloïse Jérôme Noémie François Anaïs Loïc Hélène Gaëlle Cédric", "Lefèvre Béranger Lebœuf Garçon Fauré-Lacaze Moreau Pelletier Crépin Noël",
     "%# rue de l'Église;%, allée des Érables;%# bis, avenue du Général;%, impasse Saint-Roch;%# quai du Port",
     "FR/Paris/7500%;FR/Orléans/45000;FR/Besançon/25000;FR/Nîmes/30000;CH/Neuchâtel/2000"),
    (7, "gf", "Åsa Björn Göran Märta Håkan Örjan Linnéa Pär Sölve Ebba Åke", "Lindström Åkerlund Sjöblom Nyström Öhman Bergqvist Hägglund Ångman Fält",
     "Storgatan %#;Björkvägen %;Åsgatan %# B;Södra Vägen %#, lgh 1%0%;Kyrkogatan %", "SE/Göteborg/41# ##;SE/Malmö/21# ##;SE/Umeå/90# ##;SE/Örebro/70# ##"),
    (4, *NORDIC, "Ærøvej %;Østergade %#, 2. tv.;Nørregade %#", "DK/Ærøskøbing/5970;DK/Aarhus C/8000;DK/København Ø/2100"),
    (4, *NORDIC, "Kirkeveien %#;Fjordgata % B;Bjørkåsen %#", "NO/Tromsø/90##;NO/Ålesund/60##;NO/Bodø/80##"),
    (2, "gf", "Ægir Þór Sæmundur Hörður | Þóra Sólveig Æsa Guðný", "Ægisson Þórsson Friðriksson | Ægisdóttir Þórðardóttir Sæmundsdóttir",
     "Ægisgata %#;Þórsgata %;Laugarbraut %#", "IS/Reykjavík/10%;IS/Akureyri/600;IS/Ísafjörður/400"),
    (6, "gf", "Łukasz Małgorzata Paweł Grażyna Bożena Jędrzej Agnieszka", "Łuczak Wójcik Gołąb Świątek-Żak Mazur Dąbek Kołodziej",
     "ul. Źródlana %#/%;ul. Łąkowa %;al. Dębowa %##;os. Słoneczne %/%#", "PL/Łódź/9#-###;PL/Gdańsk/80-###;PL/Wrocław/5#-###"),
    (4, "gf", "Jiří Ondřej Tomáš Luboš Řehoř | Zdeňka Květa Růžena Štěpánka", "Dvořáček Kříž Vaněk Šťastný | Dvořáčková Křížová Vaňková Šťastná",
     "Na Příkopě %#;Květná %;Řeznická %##/%", "CZ/Plzeň/3## 00;CZ/České Budějovice/370 0%"),
    (5, "f g", "Ágnes Győző Jenő Zsófia Ernő Tünde Gergő Ödön Erzsébet Bendegúz", "Szőke Kőműves Győri Hegedűs Sipőcz Füzesi Pálfi Tóth Csősz",
     "Kőris utca %#;Fő tér %.;Szőlő köz %#, II/%", "HU/Győr/90##;HU/Hódmezővásárhely/6800;HU/Pécs/76##"),
    (6, "gf", "Yağmur Işıl Çağla Oğuz İpek Gülşen Barış Doğa Şükrü Ilgın", "Yıldız Çelik Dağlı Işık Öztürk Şahinoğlu Kılıç Bıçakçı",
     "Çınar Sk. No: %#/%;Işık Caddesi %#;Bağdat Sk. % D:%", "TR/İzmir/35###;TR/Eskişehir/26###;TR/Muğla/48###"),
    (6, "gf", "Begoña Íñigo Lucía Ángel Nuño Óscar Inés Ramón", "Muñoz Ibáñez Peña García-Núñez Castañeda Zúñiga Ordóñez Güell",
     "Calle del Niño %#, 2.º B;Avda. de España %##;Plaza Mayor %;Camino Viejo, s/n", "ES/A Coruña/150##;ES/Logroño/260##;ES/Málaga/290##"),
    (4, "gf", "João Inês Conceição Simão Estêvão Benedita Lurdes Tomé", "Gonçalves Brandão Simões Leitão Araújo Guimarães Brás",
     "Rua da Conceição %#, 3.º Esq.;Travessa do Sabão %;Largo de São João %#", "PT/Évora/7000-###;PT/Guimarães/4800-###"),
    (6, "gf", "Γιώργος Νίκος Σπύρος Άγγελος Χρήστος | Ελένη Κατερίνα Φωτεινή Χρυσούλα Ευγενία",
     "Δημόπουλος Ξενάκης Ζαφειρίου Ωραιόπουλος Ψαρράς | Δημοπούλου Ξενάκη Ζαφειρίου Ωραιοπούλου Ψαρρά",
     "Οδός Ελιάς %#;Λεωφόρος Θαλάσσης %##;Αγίου Γεωργίου %", "GR/Αθήνα/10# ##;GR/Θεσσαλονίκη/54# ##;GR/Χανιά/731 ##"),
    (4, "gf", "Олена Богдан Соломія Тарас Ганна Юрій Євген", "Коваленко Бондар Гаврилюк Щербань Їжакевич Яременко Ґудзь",
     "вул. Садова, %#;просп. Миру, %##, кв. %#", "UA/Львів/79###;UA/Чернігів/14###"),
    (4, "gf", "Иван Румен Цветан Кирил | Цветелина Райна Мария Ваня", "Димитров Стоянов Жеков Щерев | Димитрова Стоянова Жекова Щерева",
     "ул. Роза № %#;бул. Източен %##, вх. Б", "BG/Пловдив/40##;BG/Русе/70##"),
    (6, "gf", "ليلى=layla يوسف=youssef مريم=maryam طارق=tariq هدى=huda كريم=karim نور=nour بسّام=bassam",
     "الحداد=alhaddad النجار=alnajjar منصور=mansour الخطيب=alkhatib درويش=darwish البغدادي=albaghdadi الزيّات=alzayyat",
     "شارع النخيل %#;%## شارع البحر;حي الزهور، مبنى %", "EG/القاهرة/11###;EG/الإسكندرية/21###;AE/دبي/"),
    (6, "gf", "अनिल=anil सुनीता=sunita प्रिया=priya विक्रम=vikram मीनाक्षी=meenakshi राजेश=rajesh कविता=kavita दीपक=deepak",
     "शर्मा=sharma वर्मा=verma मिश्रा=mishra त्रिपाठी=tripathi चौधरी=chaudhary जोशी=joshi श्रीवास्तव=shrivastava",
     "मकान %##, गांधी मार्ग;%#, कमल नगर;प्लॉट %, शांति पथ", "IN/नई दिल्ली/1100##;IN/जयपुर/3020##;IN/पुणे/4110##"),
    (6, "f g", "陽菜=hina 翔太=shota 直子=naoko 健太=kenta さくら=sakura 美咲=misaki ユリ=yuri 悠真=yuma",
     "佐藤=sato 田中=tanaka 高橋=takahashi 渡辺=watanabe 小林=kobayashi 山本=yamamoto 斎藤=saito",
     "桜町%-%#-%;緑ヶ丘%丁目%番%号;本町%-% コーポ桜%0%号室", "JP/東京都新宿区/160-00##;JP/札幌市/060-00##;JP/京都市/604-####"),
    (6, "fg", "浩然=haoran 雨桐=yutong 建国=jianguo 欣怡=xinyi 子轩=zixuan 雅婷=yating 明=ming 静=jing", "王=wang 刘=liu 陈=chen 杨=yang 赵=zhao 周=zhou 吴=wu 欧阳=ouyang",
     "中山路%##号;和平街%#号%单元%0%室;花园小区%栋", "CN/上海市/2000##;CN/成都市/6100##;CN/哈尔滨市/1500##"),
    (6, "fg", "지우=jiwoo 서연=seoyeon 민준=minjun 하은=haeun 도윤=doyun 은서=eunseo 소율=soyul 태윤=taeyun", "김=kim 이=lee 박=park 최=choi 정=jung 강=kang 윤=yoon 남궁=namgung",
     "은행나무로 %#;한빛길 %-%;달빛아파트 %0%동 %0%호", "KR/서울특별시/04###;KR/부산광역시/48###;KR/전주시/54###"),
]
# Lower-case letters to ASCII, for e-mail; accents are stripped first, so only the rest is listed.
FOLD = dict(pair.split("=") for pair in (
    "ß=ss æ=ae œ=oe ø=o ł=l ı=i đ=d ð=d þ=th α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r "
    "σ=s ς=s τ=t υ=y φ=f χ=ch ψ=ps ω=o а=a б=b в=v г=g ґ=g д=d е=e є=ye ж=zh з=z и=i і=i к=k л=l м=m н=n о=o п=p р=r "
    "с=s т=t у=u ф=f х=h ц=ts ч=ch ш=sh щ=sht ь= ъ=a ю=yu я=ya").split())
# Only numbers kept free for fiction: Ofcom (UK), NANPA 555-01xx, ARCEP (FR), PTS (SE), BNetzA (DE),
# ACMA (AU), ComReg (IE).  Customers of any other country get an international form from this list.
PHONES = {
    "GB": "020 7946 0###;(020) 7946-0###;+44 20 7946 0###;+442079460###;07700 900###;07700900###;+44 7700 900###;+44 (0)7700 900 ###",
    "US": "(503) 555-01##;217-555-01##;505.555.01##;802 555 01##;+1 503 555 01##;+1-217-555-01##;+1 (505) 555-01## ext. %#",
    "FR": "01 99 00 ## ##;01.99.00.##.##;019900####;+33 1 99 00 ## ##;+33 (0)1 99 00 ## ##;0033 1 99 00 ## ##",
    "SE": "070-174 06 %#;0701740 6%#;070 17406%#;+46 70 174 06 %#;+4670174 06%#",
    "DE": "030 23125 ###;030/23125-###;+49 30 23125###;+49 (0)30 23125 ###;089 99998###",
    "AU": "0491 570 156;0491 570 157;0491-570-158;0491570159;+61 491 570 110;(02) 5550 ####;03 7010 ####;+61 3 5550 ####",
    "IE": "020 91# ####;+353 20 91# ####",
}
ABROAD = ";".join(p for ways in PHONES.values() for p in ways.split(";") if p.startswith("+"))
# BBAN shapes: b = bank and branch code (all 0 or all 9), n = random digits, anything else is repeated as it is.
IBAN = {k: v.split() for k, v in (item.split(":") for item in (
    "GB:Z4 b6 n8;IE:Z4 b6 n8;DE:b8 n10;AT:b5 n11;CH:b5 n12;FR:b10 n13;SE:b3 n17;NO:b4 n7;DK:b4 n10;IS:b4 n8 010;PL:b8 n16;CZ:b4 n16;"
    "HU:b7 n17;TR:b5 01 n16;ES:b8 n12;PT:b8 n13;GR:b7 n16;UA:b6 n19;BG:Z4 b4 n10;EG:b8 n17;AE:b3 n16").split(";"))}
CARDS = (("411111", 16), ("424242", 16), ("555555", 16), ("378282", 15))  # prefix of a test card, length
ADDRESS_PARTS = tuple((
    'c/o Reception, "Building B"|left-hand staircase, third door|ring twice, then wait|the house named "Sea, Sand & Sky"|Staircase Ω, lift no. 3|'
    'behind the "Blue Door" café, across the yard|Room 4, Annexe "Süd"|deliveries: side gate, mornings only|P.O. Box 99, for parcels only|'
    'opposite the school, next to the bakery|2nd floor, "Zwischengeschoß"|the sign says "No Entry", come in anyway').split("|"))
NOTES = (
    "Prefers e-mail to phone.", "Called about the invoice; settled.", "VIP 🎉", "Moving house in spring 🏡📦", "Allergic to marketing 🙅🏽",
    "Bitte nur vormittags anrufen, danke.", "Asked for a refund, granted.", 'Said: "never again", then renewed.', "家族で利用 👨‍👩‍👧‍👦",
    "Ne pas déranger après 18 h.", "Beta tester 👩🏾‍💻", "Передзвонити у вівторок", "Ελληνικά μόνο 🇬🇷", "يفضّل الرسائل القصيرة", "line one\nline two")
ODD_NOTES = (
    "fs1.hello", "fs1.", "fs1.AAAA.BBBB.CCCC", "FS1.not this either", "=SUM(A1:A9)", "=SUM(", "+1 for the new plan", "-5", "@home after six",
    "  two leading spaces", "two trailing spaces  ", " ", "\ttab first", "NULL", "0", '"quoted"', "", "", "", "")
WORDS = ("asked again about the delivery and was told that it would come on Monday, which suited everyone: "
         "Zoë, the café owner, “the boss” and even the cat 🐈").split()

rng = random.Random(SEED)


def num(low, high):
    """A whole number from low to high, both included."""
    return low + int(rng.random() * (high - low + 1))


def pick(items):
    return items[num(0, len(items) - 1)]


def chance(share):
    return rng.random() < share


def fill(pattern):
    kinds = {"#": "0123456789", "%": "123456789", "@": "ABDEFGHJLNPQRSTUWXYZ"}
    return "".join(pick(kinds[c]) if c in kinds else c for c in pattern)


def fold(text):
    plain = unicodedata.normalize("NFD", text.lower())
    return "".join(FOLD.get(c, c) for c in plain if c.isascii() or c in FOLD).replace("'", "")


def make_name(layout, given_names, family_names):
    """A name and the Latin given and family parts for the e-mail address."""
    givens, families = given_names.split(" | "), family_names.split(" | ")
    group = num(0, len(givens) - 1)
    given, _, g_latin = pick(givens[group].split()).partition("=")
    family, _, f_latin = pick(families[min(group, len(families) - 1)].split()).partition("=")
    name = {"gf": f"{given} {family}", "f g": f"{family} {given}", "fg": family + given}[layout]
    return name, g_latin or fold(given), f_latin or fold(family)


def make_email(given, family, taken):
    dotted = f"{given}.{family}"
    local = pick((dotted, dotted, f"{given[0]}.{family}", f"{given}_{family}", f"{family}{num(1, 99)}", f"{dotted}+shop"))
    domain = pick(("", "", "sub.")) + pick(("example.com", "example.org", "example.net"))
    email, count = f"{local}@{domain}", taken.get((local, domain), 1)
    while email in taken:
        count += 1
        email = f"{local}-{count}@{domain}"
    taken[email], taken[local, domain] = True, count  # all lower case: unique also when case is ignored
    return pick((email.upper(), email.title(), email.replace("example", "Example"))) if chance(0.06) else email


def make_street(streets):
    street = fill(pick(streets.split(";")))
    if chance(0.03):
        want, joint = num(150, 340), "\n" if chance(0.25) else ", "
        parts = list(ADDRESS_PARTS)  # each used at most once
        while len(street) < want:
            street += joint + parts.pop(num(0, len(parts) - 1))
    return street


def make_iban(country):
    bank, bban = pick("09"), ""
    for part in IBAN[country]:
        kind, length = part[0], int(part[1:])
        bban += fill("#" * length) if kind == "n" else (bank if kind == "b" else kind) * length
    check = 98 - int("".join(str(int(c, 36)) for c in bban + country + "00")) % 97
    return f"{country}{check:02}{bban}"


def make_card():
    prefix, length = pick(CARDS)
    body = prefix + fill("#" * (length - len(prefix) - 1))
    total = sum(sum(divmod(int(d) * (2 if i % 2 == 0 else 1), 10)) for i, d in enumerate(reversed(body)))
    return f"{body}{-total % 10}"


def make_note():
    if chance(0.3):
        return pick(ODD_NOTES)
    return f"{pick(NOTES)} {pick(NOTES)}" if chance(0.4) else pick(NOTES)


def quote(value):
    """RFC 4180 field; None is a missing value, '' an empty one written as a pair of quotes."""
    if value is None:
        return ""
    if value == "" or value != value.strip() or any(c in value for c in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def generate(rows):
    rng.seed(SEED)
    opening, seconds = datetime(2019, 1, 1), 6 * 365 * 86400
    signups = sorted(opening + timedelta(seconds=num(0, seconds)) for _ in range(rows))
    by_weight = [locale for locale in LOCALES for _ in range(locale[0])]
    lines, taken, ident = [COLUMNS], {}, 1001
    for index, signup in enumerate(signups):
        _, layout, given_names, family_names, streets, places = pick(by_weight)
        name, given, family = make_name(layout, given_names, family_names)
        country, city, postcode = pick(places.split(";")).split("/")
        born_from, born_to = date(1930, 1, 1), min(date(2008, 12, 31), signup.date() - timedelta(days=16 * 366))
        note = make_note() if chance(0.3) else None
        if index == rows // 2:  # one long note in every file
            note = "Long call: " + " ".join(pick(WORDS) for _ in range(400))[:1988] + "."
        values = (
            str(ident), name, make_email(given, family, taken),
            None if chance(0.12) else fill(pick(PHONES.get(country, ABROAD).split(";"))),
            None if chance(0.07) else str(born_from + timedelta(days=num(0, (born_to - born_from).days))),
            None if chance(0.04) else make_street(streets), city, fill(postcode) or None, country,
            make_iban(country) if country in IBAN and chance(0.8) else None,  # 0.8: about three in five of all rows
            make_card() if chance(0.55) else None, note,
            pick(("free",) * 9 + ("basic",) * 6 + ("plus",) * 4 + ("business",)), signup.isoformat() + "Z")
        lines.append(",".join(map(quote, values)))
        ident += num(2, 9) if chance(0.08) else 1
    return ("\n".join(lines) + "\n").encode("utf-8")


def main():
    parser = argparse.ArgumentParser(description="Write the synthetic customers.csv.")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"number of customers (default {ROWS})")
    parser.add_argument("--out", type=Path, help="file to write (default: customers.csv beside this script)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file differs")
    args = parser.parse_args()
    if args.rows < 0 or (args.rows != ROWS and args.out is None):
        parser.error("--rows must not be negative, and needs --out so that customers.csv keeps its size")
    out, data = args.out or DEFAULT_OUT, generate(args.rows)
    if not args.check:
        out.write_bytes(data)
    elif not out.is_file() or out.read_bytes() != data:
        sys.exit(f"{out} is missing or differs from what this script writes")


if __name__ == "__main__":
    main()
