"""What columns are called by other tools, in English, German, French, Dutch and Spanish.

By field: our own names, those that say it plainly, and those that may say it where nothing else does. How
they are written does not count (files/column_words.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """What a field's column is called, divided by commas; ours wins over plain, that over weak."""

    ours: str = ""
    plain: str = ""
    weak: str = ""

    def listed(self, which: str) -> list[str]:
        """The names of this strength: ours, plain or weak."""
        held: str = getattr(self, which)
        return [name for part in held.split(",") if (name := part.strip())]


ORGANIZATION_NAMES: dict[str, Names] = {
    "name": Names(
        "name",
        """
            organization, organisation, organization name, organisation name, company, company name,
            customer, customer name, client, client name, display name, account name, tenant name,
            business name, legal name, site name, full name of company, title of organization, Kunde,
            Kundenname, Name des Kunden, Firma, Firmenname, Firmenbezeichnung, Unternehmen,
            Unternehmensname, Organisationsname, Mandant, Mandantenname, Auftraggeber,
            Kundenbezeichnung, nom, nom du client, nom client, société, nom de la société, nom société,
            raison sociale, entreprise, nom de l'entreprise, nom entreprise, nom de l'organisation,
            dénomination sociale, naam, klant, klantnaam, naam klant, bedrijf, bedrijfsnaam, naam
            bedrijf, organisatie, organisatienaam, naam organisatie, relatie, relatienaam, firmanaam,
            nombre, cliente, nombre del cliente, nombre cliente, empresa, nombre de la empresa, nombre
            empresa, razón social, organización, nombre de la organización, compañía, nombre de la
            compañía, sociedad, denominación social
        """,
        """
            account, tenant, site, label, title, Bezeichnung, dénomination, denominación, compte,
            omschrijving, cuenta, friendly name
        """,
    ),
    "external_id": Names(
        "external id",
        """
            id, uid, uuid, guid, organization id, organisation id, company id, customer id, client id,
            account id, site id, reference, external reference, organization uid, company uid, customer
            uid, customer guid, unique id, record id, rec id, externe ID, Kunden-ID, Kundenkennung,
            Firmen-ID, Organisations-ID, Referenz, Mandanten-ID, id externe, identifiant, identifiant
            externe, identifiant client, id client, référence, id société, id de l'organisation, extern
            id, externe id, klant id, bedrijfs id, organisatie id, referentie, relatie id, id externo,
            identificador, identificador externo, id de cliente, id cliente, referencia, id de empresa,
            id empresa
        """,
        """
            customer number, client number, company number, account number, customer code, client code,
            company code, account code, debtor number, identifier, Kundennummer, Kunden-Nr., Kundennr,
            Kdnr, Debitorennummer, Kennung, Mandantennummer, numéro client, numéro de client, n° client,
            code client, klantnummer, klantcode, debiteurnummer, relatienummer, número de cliente,
            número cliente, código de cliente, código cliente, código
        """,
    ),
    "domain": Names(
        "domain",
        """
            web, website, web site, web address, url, homepage, home page, primary domain, primary
            domain name, domain name, default domain, default domain name, web page, webpage, website
            url, main domain, company website, internet address, web url, Webseite, Internetseite,
            Internet, Internetadresse, Webadresse, Domäne, Domänenname, Hauptdomäne, site web, site
            internet, adresse web, domaine, nom de domaine, domaine principal, page web, webadres,
            webpagina, internetadres, domein, domeinnaam, hoofddomein, sitio web, página web, dirección
            web, dominio, nombre de dominio, dominio principal
        """,
        """
            domains, websites, web sites, www
        """,
    ),
    "phone": Names(
        "phone",
        """
            phone number, telephone, telephone number, tel, main phone, main phone number, primary
            phone, office phone, business phone, work phone, company phone, main site phone number, main
            telephone, main number, Telefon, Telefonnummer, Rufnummer, Festnetz, Telefon Zentrale,
            téléphone, numéro de téléphone, tél, téléphone principal, telefoon, telefoonnummer,
            hoofdtelefoon, teléfono, número de teléfono, teléfono principal
        """,
        """
            phone 1, telephone 1, phones, contact phone
        """,
    ),
    "city": Names(
        "city",
        """
            town, locality, town city, city town, Ort, Stadt, Ortschaft, Wohnort, ville, localité,
            commune, plaats, stad, woonplaats, plaatsnaam, ciudad, población, localidad, municipio
        """,
    ),
    "state": Names(
        "state",
        """
            province, region, state province, state region, county, Bundesland, Kanton, région,
            département, provincie, provincia, comunidad autónoma, estado, état
        """,
    ),
    "postal_code": Names(
        "postal code",
        """
            postcode, post code, zip, zip code, postal, PLZ, Postleitzahl, code postal, CP, código
            postal
        """,
    ),
    "is_active": Names(
        "active, is active",
        """
            enabled, is enabled, status, state of customer, organization status, organisation status,
            company status, customer status, client status, account status, status name, organization
            status name, is current, active status, aktiv, ist aktiv, aktiviert, Kundenstatus, Zustand,
            actif, active client, est actif, activé, statut, statut client, statut du client, actief, is
            actief, ingeschakeld, klantstatus, activo, está activo, habilitado, situación, estado del
            cliente, estado cliente, estatus
        """,
    ),
    "is_inactive": Names(
        "inactive, is inactive",
        """
            archived, is archived, deleted, is deleted, deleted flag, disabled, is disabled,
            deactivated, is deactivated, former, is former, former customer, former client,
            excluded, is excluded, cancelled, canceled, is cancelled, terminated, closed, is closed,
            retired, churned, offboarded, inactive flag, blocked, is blocked, left, inaktiv, ist
            inaktiv, archiviert, gelöscht, deaktiviert, ehemalig, ehemaliger Kunde, gekündigt,
            ausgeschlossen, gesperrt, inactif, est inactif, archivé, supprimé, désactivé, ancien,
            ancien client, exclu, résilié, inactief, is inactief, gearchiveerd, verwijderd,
            uitgeschakeld, gedeactiveerd, voormalig, voormalige klant, opgezegd, uitgesloten,
            geblokkeerd, inactivo, está inactivo, archivado, eliminado, desactivado, antiguo
            cliente, ex cliente, excluido, cancelado, dado de baja, de baja, baja, bloqueado
        """,
    ),
    "organization_type": Names(
        "",
        """
            organization type, organisation type, company type, customer type, client type, account
            type, type, organization type name, classification, relationship type, Kundentyp, Kundenart,
            Typ, type de client, type d'organisation, klanttype, type klant, soort relatie, tipo, tipo
            de cliente, tipo de empresa
        """,
    ),
    "tenant_id": Names(
        "tenant id",
        """
            microsoft id, microsoft tenant id, ms tenant id, azure tenant id, azure ad tenant id, entra
            tenant id, entra id, directory id, m365 tenant id, o365 tenant id, office 365 tenant id,
            microsoft 365 tenant id, customer tenant id, tenant guid, aad tenant id, csp tenant id
        """,
    ),
    "tenant_domain": Names(
        "tenant domain",
        """
            initial domain name, initial domain, onmicrosoft domain, microsoft domain, tenant default
            domain
        """,
    ),
    "autotask_company_id": Names(
        "autotask company id",
        """
            autotask id, autotask account id, autotask customer id, autotask organization id, autotask
            client id, datto psa id, datto psa company id, psa company id, psa id, psa account id,
            autotask psa id, Autotask-Firmen-ID, Autotask-Kunden-ID, id entreprise autotask, id
            autotask, autotask bedrijfs id, autotask klant id, id de empresa autotask
        """,
    ),
    "source_id": Names(
        "source id",
    ),
    "portal_key": Names(
        "portal key",
    ),
    "identifiers": Names(
        "identifiers",
    ),
}

# A mapping file's columns are those of the export, named as there; other tools call some of them otherwise.
MAPPING_NAMES: dict[str, Names] = {
    "portal_key": Names(
        "portal key",
    ),
    "organization_id": Names(
        "organization id",
        """
            portal id, portal organization id
        """,
    ),
    "external_id": Names(
        "external id",
        """
            reference, uid, uuid, guid, id, site uid, site id, customer id, client id, tenant id,
            externe ID, Kunden-ID, Referenz, identifiant, id externe, référence, klant id, extern id,
            referentie, id externo, id cliente, referencia
        """,
    ),
    "name": Names(
        "name",
        """
            organization, organisation, organization name, organisation name, customer, customer name,
            client, client name, display name, site, site name, Kunde, Kundenname, Organisationsname,
            nom, nom du client, organisation nom, naam, klant, klantnaam, organisatie, nombre, cliente,
            organización, nombre del cliente
        """,
    ),
    "instance": Names(
        "instance",
        """
            configuration, integration, Konfiguration, configuratie, configuración
        """,
    ),
    "company_id": Names(
        "company id",
        """
            autotask company id, autotask id, autotask account id, autotask customer id, autotask
            organization id, autotask client id, datto psa id, datto psa company id, psa company id, psa
            id, psa account id, autotask psa id, Autotask-Firmen-ID, Autotask-Kunden-ID, id entreprise
            autotask, id autotask, autotask bedrijfs id, autotask klant id, id de empresa autotask,
            account id
        """,
    ),
    "company_name": Names(
        "company name",
        """
            company, autotask company, autotask company name, autotask name, account name, autotask
            account name, psa company, psa company name, psa name, Autotask-Firma, entreprise autotask,
            autotask bedrijf, empresa autotask
        """,
    ),
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words of columns that hold something else, whatever their values look like.
OTHER_THINGS = _words(
    """
    address alert amount calle cell contact count country created date description devices
    email employees fax land latitude logo longitude mail manager mobile modified note
    notes notiz number owner pais parent pays portal price rue straat strasse street
    technician time total updated user
    """
)
# Names that say nothing, so that the values have to.
SAYS_NOTHING = _words(
    """
    c campo champ col colonne column columna data f feld field info kolom spalte text
    unnamed valeur valor value veld waarde wert
    """
)
# What a path inside an object, or a name, passes through on its way to the organization's own value.
WRAPPERS = _words(
    """
    account attributes bedrijf client cliente company customer data empresa entreprise fields
    firma firmen item klant kunde kunden node organisation organization properties record
    site tenant values
    """
)
# And for what is the same of all its addresses.
PLACE_WRAPPERS = WRAPPERS | _words(
    "address primary main location billing head office hq default profile adresse adres"
)
