use fieldseal::field::ManyTerms;
use fieldseal::index::Domain;
use fieldseal::Index;

const INDEX: Index<String, ManyTerms> =
    Index::range("customer", "value", Domain::integers(0, 99));

fn main() {}
