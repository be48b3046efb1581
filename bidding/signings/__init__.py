"""Sealing as a service for other systems (电子签署中心). The specification is docs/format/signings.md."""
