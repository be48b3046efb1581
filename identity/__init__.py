"""Who acts: licences, persons, authorisations and consents."""
