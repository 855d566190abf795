use fieldseal::field::ManyTerms;
use fieldseal::Index;

const INDEX: Index<i64, ManyTerms> = Index::prefix("customer", "value", 3);

fn main() {}
