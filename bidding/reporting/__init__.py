"""Reports of verifications (验证报告): from the JSON answer to HTML, PDF, XML and tables.

`reports` writes them by the ending of a name, `sealing` puts the agency's seal on one, `comparing` asks whether seals
show what they should, `matrix` lays many answers out in one table.
"""
