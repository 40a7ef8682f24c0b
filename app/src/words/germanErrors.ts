/** Refusals of the program in German: those that somebody can meet who uses the app. */

import * as errors from '../generated/errors/multibus';

/** Sentences by the numbers of the errors. */
export const GERMAN_ERRORS: Readonly<Record<number, string>> = {
  [errors.MULTIBUS_ERROR__ALREADY_APPROVED]: 'Sie haben diesem Vorschlag schon zugestimmt.',
  [errors.MULTIBUS_ERROR__ALREADY_CERTIFIED]: 'Der Herkunftsnachweis für dieses Zeitfenster ist schon abgeholt.',
  [errors.MULTIBUS_ERROR__ALREADY_PAUSED]: 'Der Bus ist schon angehalten.',
  [errors.MULTIBUS_ERROR__APPROVALS_MISSING]: 'Dem Vorschlag fehlen noch Zustimmungen anderer Eigentümer.',
  [errors.MULTIBUS_ERROR__BOOK_METERS_FULL]:
    'In diesen Zeitfenstern haben schon vier verschiedene Geräte gemessen. Bieten Sie in späteren an.',
  [errors.MULTIBUS_ERROR__BOOK_OVER]: 'In diesem Zeitfenster ist Handelsschluss. Wählen Sie ein späteres.',
  [errors.MULTIBUS_ERROR__BUS_CLOSING]: 'Der Bus schließt; auf ihm wird nichts mehr angeboten oder verkauft.',
  [errors.MULTIBUS_ERROR__BUS_IN_USE]: 'Auf dem Bus ist noch etwas offen. Schließen Sie das zuerst.',
  [errors.MULTIBUS_ERROR__BUS_PAUSED]:
    'Die Eigentümer haben diesen Bus angehalten. Versuchen Sie es, wenn er wieder handelt; was Sie halten, können Sie kaufen oder zurückgeben.',
  [errors.MULTIBUS_ERROR__CAPACITY_EXCEEDED]:
    'Das Zeitfenster hat weniger frei, als Sie anbieten. Bieten Sie höchstens an, was verfügbar ist.',
  [errors.MULTIBUS_ERROR__CERTIFICATE_MISMATCH]:
    'Eben wurde ein anderer Herkunftsnachweis abgeholt. Versuchen Sie es noch einmal.',
  [errors.MULTIBUS_ERROR__COUNTER_BUSY]: 'Das wurde eben noch benutzt. Schließen Sie es in ein paar Minuten.',
  [errors.MULTIBUS_ERROR__DEVICE_IN_USE]:
    'Das Gerät ist in Gebrauch oder misst Zeitfenster, die noch nicht zu Ende sind.',
  [errors.MULTIBUS_ERROR__ENERGY_UNAVAILABLE]:
    'Von diesem Angebot ist weniger frei, als Sie wollen. Kaufen Sie weniger.',
  [errors.MULTIBUS_ERROR__EXPIRY_BEFORE_LOCKS]:
    'Käufer halten Energie dieses Angebots länger. Wählen Sie eine spätere Zeit.',
  [errors.MULTIBUS_ERROR__EXPIRY_IN_PAST]: 'Diese Zeit ist vorbei. Wählen Sie eine spätere.',
  [errors.MULTIBUS_ERROR__EXPIRY_TOO_LATE]:
    'So weit voraus handelt der Bus nicht, oder vorher ist Handelsschluss. Wählen Sie eine frühere Zeit.',
  [errors.MULTIBUS_ERROR__GATE_CLOSED]: 'In diesem Zeitfenster ist Handelsschluss. Wählen Sie ein späteres.',
  [errors.MULTIBUS_ERROR__LISTING_CLOSED]:
    'Auf diesem Bus dürfen Sie nicht anbieten. Bitten Sie die Eigentümer oder den Betreiber um Zulassung.',
  [errors.MULTIBUS_ERROR__LOCK_BUYER_MISMATCH]: 'Diese Energie hält ein anderer Käufer.',
  [errors.MULTIBUS_ERROR__LOCK_CHANGED]: 'Was Sie halten, hat sich geändert. Sehen Sie es an und versuchen Sie es neu.',
  [errors.MULTIBUS_ERROR__LOCK_EXPIRED]:
    'Die fünf Minuten sind um. Geben Sie die Energie zurück, und kaufen oder halten Sie neu.',
  [errors.MULTIBUS_ERROR__LOCK_NOT_EXPIRED]: 'Die fünf Minuten laufen noch; bis dahin kann nur der Käufer zurückgeben.',
  [errors.MULTIBUS_ERROR__LOCK_OUTLIVES_OFFER]: 'Das Angebot endet zu bald, um es zu halten. Kaufen Sie es gleich.',
  [errors.MULTIBUS_ERROR__LOCK_RELEASED]: 'Das ist schon zurückgegeben. Kaufen oder halten Sie neu.',
  [errors.MULTIBUS_ERROR__METER_EXISTS]: 'Der Verkäufer hat schon einen Zähler. Tauschen Sie das Gerät.',
  [errors.MULTIBUS_ERROR__METER_MISSING]:
    'Hier wird bezahlt, was ein Zähler misst, und Sie haben keinen. Bitten Sie den Betreiber, Ihren einzutragen.',
  [errors.MULTIBUS_ERROR__METER_NOT_VALID_YET]: 'Ihr Zähler misst erst spätere Zeitfenster. Wählen Sie eines davon.',
  [errors.MULTIBUS_ERROR__NONCE_MISMATCH]: 'Ein anderer Kauf Ihrer Wallet war schneller. Versuchen Sie es noch einmal.',
  [errors.MULTIBUS_ERROR__NOT_AN_OWNER]: 'Das können nur Eigentümer des Busses. Verbinden Sie die Wallet eines davon.',
  [errors.MULTIBUS_ERROR__NOT_APPROVED]: 'Sie haben diesem Vorschlag nicht zugestimmt.',
  [errors.MULTIBUS_ERROR__NOT_PAUSED]: 'Der Bus ist nicht angehalten.',
  [errors.MULTIBUS_ERROR__NOT_THE_CERTIFICATE_OWNER]: 'Dieser Herkunftsnachweis gehört einer anderen Wallet.',
  [errors.MULTIBUS_ERROR__NOT_THE_OPERATOR]:
    'Das kann nur der Betreiber. Verbinden Sie seine Wallet, oder lassen Sie die Eigentümer beschließen.',
  [errors.MULTIBUS_ERROR__NOT_THE_SELLER]: 'Das kann nur, wer das Angebot gemacht hat. Verbinden Sie diese Wallet.',
  [errors.MULTIBUS_ERROR__NOTHING_TO_CANCEL]: 'Alles Freie ist schon zurückgezogen; der Rest wird noch gehalten.',
  [errors.MULTIBUS_ERROR__NOTHING_TO_CERTIFY]:
    'In diesem Zeitfenster wurde nichts geliefert, wofür Sie einen Herkunftsnachweis abholen könnten.',
  [errors.MULTIBUS_ERROR__NOTHING_TO_CLAIM]: 'Jetzt ist nichts abzuholen. Versuchen Sie es nach dem nächsten Verkauf.',
  [errors.MULTIBUS_ERROR__NOTHING_TO_WITHDRAW]: 'Jetzt ist nichts abzuheben.',
  [errors.MULTIBUS_ERROR__NUMBER_NOT_NEXT]: 'Inzwischen ist etwas anderes geschehen. Versuchen Sie es noch einmal.',
  [errors.MULTIBUS_ERROR__OFFER_CANCELLED]: 'Das Angebot wurde zurückgezogen. Wählen Sie ein anderes.',
  [errors.MULTIBUS_ERROR__OFFER_EXPIRED]: 'Das Angebot ist zu Ende. Wählen Sie ein anderes.',
  [errors.MULTIBUS_ERROR__OFFER_NOT_YET_TRADING]:
    'Angebote des Busses selbst gelten erst nach zwei Minuten. Kaufen Sie etwas später.',
  [errors.MULTIBUS_ERROR__OFFER_STILL_TRADING]: 'Das Angebot gilt noch; zurückziehen kann es nur der Verkäufer.',
  [errors.MULTIBUS_ERROR__OPERATOR_HAS_READ]:
    'Der Betreiber hat dieses Zeitfenster abgelesen; Zählerstände des Geräts gelten nicht mehr.',
  [errors.MULTIBUS_ERROR__OPERATOR_READINGS_SPENT]:
    'Der Betreiber hat dieses Zeitfenster schon dreimal abgelesen, öfter geht es nicht.',
  [errors.MULTIBUS_ERROR__PAYEE_UNPAYABLE]:
    'Das Konto, auf das gezahlt werden soll, nimmt gerade keine Zahlung an. Nennen Sie ein anderes.',
  [errors.MULTIBUS_ERROR__PAYER_FROZEN]:
    'Der Herausgeber des Tokens hat das Konto gesperrt, von dem gezahlt wird. Versuchen Sie es, wenn es wieder frei ist.',
  [errors.MULTIBUS_ERROR__POWER_EXCEEDED]:
    'So viel kann Ihr Zähler in diesem Zeitfenster nicht liefern. Bieten Sie weniger an.',
  [errors.MULTIBUS_ERROR__PRICE_ABOVE_LIMIT]:
    'Der Preis mit Netzentgelt liegt über Ihrer Grenze. Erhöhen Sie die Grenze, oder wählen Sie ein anderes Angebot.',
  [errors.MULTIBUS_ERROR__PRICE_BELOW_BASE]: 'Der Preis liegt unter dem Mindestpreis des Busses.',
  [errors.MULTIBUS_ERROR__PRICE_BELOW_RESERVE]:
    'Der Preis liegt unter dem, für den die Eigentümer eigene Energie des Busses verkaufen wollen.',
  [errors.MULTIBUS_ERROR__PROPOSAL_CHANGED]:
    'Der Vorschlag ist ein anderer als der, den Sie sahen. Sehen Sie ihn neu an.',
  [errors.MULTIBUS_ERROR__PROPOSAL_EXECUTED]: 'Der Vorschlag ist schon ausgeführt.',
  [errors.MULTIBUS_ERROR__PROPOSAL_EXPIRED]: 'Der Vorschlag ist älter als 30 Tage. Machen Sie einen neuen.',
  [errors.MULTIBUS_ERROR__PROPOSAL_STALE]:
    'Eigentümer, Anteile oder nötige Zustimmungen haben sich seither geändert. Machen Sie einen neuen Vorschlag.',
  [errors.MULTIBUS_ERROR__READING_TOO_HIGH]: 'So viel kann das Gerät in diesem Zeitfenster nicht liefern.',
  [errors.MULTIBUS_ERROR__READING_TOO_LATE]: 'Das Zeitfenster ist endgültig; es nimmt keinen Zählerstand mehr an.',
  [errors.MULTIBUS_ERROR__SELF_TRADE]: 'Das ist Ihr eigenes Angebot. Ziehen Sie es zurück, statt es zu kaufen.',
  [errors.MULTIBUS_ERROR__SELLER_HAS_OFFERS]: 'Es sind noch Angebote offen. Ziehen Sie sie zuerst zurück.',
  [errors.MULTIBUS_ERROR__SELLER_SUSPENDED]:
    'Dieser Verkäufer ist gesperrt. Bitten Sie die Eigentümer oder den Betreiber um Zulassung.',
  [errors.MULTIBUS_ERROR__SIZE_TOO_SMALL]:
    'Das ist weniger als die kleinste Menge dieses Busses. Nehmen Sie mehr, oder alles, was übrig ist.',
  [errors.MULTIBUS_ERROR__TIMELOCK_ACTIVE]: 'Die Wartezeit dieses Vorschlags läuft noch.',
  [errors.MULTIBUS_ERROR__TOTAL_ABOVE_LIMIT]:
    'Die Summe liegt über Ihrer Grenze. Erhöhen Sie sie, oder kaufen Sie weniger.',
  [errors.MULTIBUS_ERROR__VERSION_MISMATCH]: 'Das Angebot hat sich geändert. Sehen Sie es neu an.',
  [errors.MULTIBUS_ERROR__WINDOW_NOT_FINAL]:
    'Das Zeitfenster ist noch nicht endgültig. Warten Sie, bis kein Zählerstand es mehr ändern kann.',
  [errors.MULTIBUS_ERROR__WINDOW_NOT_OVER]: 'Das Zeitfenster ist noch nicht zu Ende.',
  [errors.MULTIBUS_ERROR__WINDOW_TOO_FAR]: 'So weit voraus handelt der Bus nicht. Wählen Sie ein früheres Zeitfenster.',
};
