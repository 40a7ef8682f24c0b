/** What the app says, in German. */

import { counted } from './count';
import type { Words } from './en';
import { GERMAN_ERRORS } from './germanErrors';

const offers = (count: number) => counted(count, 'Angebot', 'Angebote');
/** A length of time after `in`, `vor`, `von`, `nach`: only days have another form then. */
const dative = (time: string) => time.replace('Tage', 'Tagen');
const purchases = (count: number | bigint) => counted(count, 'Kauf', 'Käufe');

/** Whether something is said in a clause, which stands after a comma and behind the verb: `was Sie halten`. */
const isClause = (what: string) => /^w(?:as|o)\s/u.test(what);

/** The words, by where they stand. */
export const de: Words = {
  owners: {
    of: (some, all) => `${some} von ${counted(all, 'Eigentümer', 'Eigentümern')}`,
    outOf: (some, all) => `${some} von ${all}`,
  },
  app: {
    basketOf: (count) => `Korb, ${offers(count)}`,
    market: 'Markt',
    sell: 'Verkaufen',
    myEnergy: 'Meine Energie',
    bus: 'Bus',
    verify: 'Prüfen',
    notFound: 'Nicht gefunden',
    multibus: (title) => `${title} · MultiBus`,
    skipToBuying: 'Zum Kaufen springen',
    skipToTheContent: 'Zum Inhalt springen',
    thereIsNoSuchPage: 'Diese Seite gibt es nicht.',
    multibusToTheMarket: 'MultiBus, zum Markt',
    multibus2: 'MultiBus',
    screens: 'Seiten',
    switchToDark: 'Zu dunklen Farben wechseln',
    switchToLight: 'Zu hellen Farben wechseln',
  },
  decimal: {
    type: (noun) => `Geben Sie ${noun} ein.`,
    useAPointForDecimals: 'Schreiben Sie Nachkommastellen mit Komma, etwa 2,5, und Tausender mit Punkt, etwa 1.000.',
    typeAboveZero: (noun) => `Geben Sie ${noun} über null ein.`,
    isNotANumberType: (more) => `„${more}“ ist keine Zahl; geben Sie Ziffern ein, etwa 2,5.`,
    haveNoDecimalsTypeA: (unit) => `${unit} haben keine Nachkommastellen; geben Sie eine ganze Zahl ein.`,
    haveAtMostDecimalsHas: (unit, decimals, compact, count) =>
      `${unit} haben höchstens ${decimals} Nachkommastellen; „${compact}“ hat ${count}.`,
    isMoreThan64Bits: (compact) => `„${compact}“ ist mehr, als 64 Bit fassen; geben Sie weniger ein.`,
  },
  energy: {
    anAmountOfEnergy: 'eine Energiemenge',
    typeAtLeast1Wh: 'Geben Sie mindestens 1\u00a0Wh ein.',
    kwh: (decimal) => `${decimal}\u00a0kWh`,
  },
  token: {
    anAmount: 'einen Betrag',
    theseTokens: 'Diese Token',
    unnamed: 'Token',
    aPricePerKwh: 'einen Preis je kWh',
    typeAPriceAboveZero: 'Geben Sie einen Preis über null ein.',
    sol: (decimal) => `${decimal}\u00a0SOL`,
    aPercentage: 'einen Prozentsatz',
    percentages: 'Prozentsätze',
    atMost100: 'Höchstens 100\u00a0%.',
  },
  connection: {
    theNodeHasNotAnswered: (more) => `der Knoten hat in ${more}\u00a0Sekunden nicht geantwortet`,
  },
  network: {
    local: 'Lokal',
    browsersBlockPlainNodes:
      'Diese Seite kam über https, deshalb lassen Browser sie einen Knoten anderswo nur über https und wss erreichen. Geben Sie eine solche Adresse an.',
    thePublicMainnetRefuses:
      'Die öffentliche Adresse des Mainnet weist Browser ab (HTTP 403). Geben Sie den Knoten eines Anbieters als eigenen Knoten an.',
    isAPublicNetworkAnd: (networkName, more) =>
      `${networkName} ist ein öffentliches Netz (${more}), und diese App ist für das lokale Programm gebaut, dessen Schlüssel jeder hat: Wer es dort einrichtet, könnte Ihr Geld nehmen. Nutzen Sie eine App, die für dieses Netz gebaut ist, oder wählen Sie ein lokales Netz.`,
    giveTheAddressOfAn: 'Geben Sie die Adresse eines RPC-Knotens ein, etwa http://127.0.0.1:8899.',
    giveTheAddressOfIts: 'Geben Sie die Adresse seiner Abonnements ein, etwa ws://127.0.0.1:8900.',
  },
  send: {
    theWalletChangedIt:
      'Ihre Wallet hat verändert, was das Gerät unterschreiben sollte. Das Gerät hat deshalb nichts unterschrieben, und nichts wurde gesendet. Nehmen Sie eine andere Wallet.',
    theNetworkDidNotConfirm: 'das Netz hat nicht rechtzeitig bestätigt',
    theNetworkDidNotTake:
      'Das Netz hat die Transaktion nicht rechtzeitig angenommen, es ist also nichts geschehen; versuchen Sie es noch einmal.',
  },
  explain: {
    ofProgram: (code, english) =>
      GERMAN_ERRORS[code] ?? `Der Markt lehnt das ab. Den Grund nennt er nur auf Englisch: „${english}“`,
    youDeclinedInYourWallet: 'Sie haben in Ihrer Wallet abgelehnt; es wurde nichts gesendet.',
    yourWalletSaysItMay: (words) =>
      `Ihre Wallet sagt: „${words}“. Vielleicht hat sie trotzdem gesendet: Sehen Sie nach, ob es geschehen ist, bevor Sie es noch einmal versuchen.`,
    yourWalletSaysNothingWas: (words) => `Ihre Wallet sagt: „${words}“. Es wurde nichts gesendet.`,
    theNetworkDoesNotAnswer:
      'Das Netz antwortet nicht, noch weiß also niemand, ob der Kauf geschehen ist. Er wird beobachtet und gezeigt, sobald das feststeht; nichts wird zweimal bezahlt.',
    yourWalletSaysItMay2: (words) =>
      `Ihre Wallet sagt: „${words}“. Vielleicht hat sie den Kauf trotzdem gesendet, deshalb wird er beobachtet, bis die Chain es sagt. Warten Sie das ab, bevor Sie noch einmal kaufen.`,
    noReason: 'kein Grund',
    theTokenAccountHasToo: 'Das Tokenkonto hat zu wenig SOL für seine Miete; laden Sie es auf.',
    yourTokenAccountHoldsLess:
      'Auf Ihrem Tokenkonto ist weniger, als zu zahlen ist; laden Sie Token auf, oder kaufen Sie weniger.',
    theTokenAccountIsOf: 'Das Tokenkonto gehört zu einem anderen Token; nehmen Sie eines des Tokens dieses Busses.',
    theseTokensBelongToAnother:
      'Diese Token gehören einer anderen Wallet; wechseln Sie zu der Wallet, der sie gehören.',
    theTokenAccountIsFrozen: 'Der Herausgeber des Tokens hat das Tokenkonto gesperrt; fragen Sie ihn.',
    somethingExistsAtThatAddress: 'Unter dieser Adresse gibt es schon etwas; vielleicht ist es eben erst geschehen.',
    yourWalletHasTooLittle: 'Ihre Wallet hat zu wenig SOL für Miete und Gebühren; laden Sie SOL auf.',
    aSignatureIsMissingSign: 'Eine Unterschrift fehlt; unterschreiben Sie mit der richtigen Wallet.',
    anAccountHasTooLittle: 'Ein Konto hat zu wenig SOL; laden Sie SOL auf.',
    anAccountIsMissingOr:
      'Ein Konto fehlt oder gehört zu einem anderen Programm; vielleicht wurde es eben geschlossen.',
    anAccountDoesNotExist: 'Ein Konto gibt es nicht mehr; vielleicht wurde es eben geschlossen.',
    anAccountIsMissingOr2: 'Ein Konto fehlt oder ist von anderer Art; vielleicht wurde es eben geschlossen.',
    anAccountIsMissingIt: 'Ein Konto fehlt; vielleicht wurde es eben geschlossen.',
    theAccountExistsAlreadyIt: 'Das Konto gibt es schon; vielleicht wurde es eben angelegt.',
    theTransactionIsTooLarge: 'Das ist zu viel für eine Transaktion; kaufen Sie aus weniger Angeboten auf einmal.',
    multibusIsNotOnThis: 'MultiBus gibt es auf diesem Netz nicht; wählen Sie ein anderes Netz.',
    yourWalletHasNoSol: 'Ihre Wallet hat auf diesem Netz kein SOL; laden Sie zuerst etwas für Gebühren auf.',
    yourWalletHasTooLittle2: 'Ihre Wallet hat zu wenig SOL für die Chain-Gebühr; laden Sie SOL auf.',
    anAccountWouldHoldToo: 'Ein Konto hätte zu wenig SOL für seine Miete; laden Sie SOL auf.',
    theTransactionIsTooOld:
      'Die Transaktion ist zu alt, oder der Knoten hinkt hinterher; versuchen Sie es noch einmal.',
    theTransactionNamesTooMany: 'Die Transaktion nennt zu viele Konten; kaufen Sie aus weniger Angeboten auf einmal.',
    anUnknownError: 'ein unbekannter Fehler',
    theNetworkRefusedTheTransaction: (name) =>
      `Das Netz hat die Transaktion abgelehnt (${name}); versuchen Sie es noch einmal.`,
    aProgramThatThisTransaction: 'Ein Programm, das diese Transaktion nutzt, hat abgelehnt; nichts wurde geändert.',
    theTransactionWasRefusedNothing: (name) => `Die Transaktion wurde abgelehnt (${name}); nichts wurde geändert.`,
    theNetworkDoesNotAnswer2: 'Das Netz antwortet nicht. Ihr Geld ist sicher: Nichts geschieht zweimal.',
    theNodeAnswersWithHttp: (statusCode) => `der Knoten antwortet mit HTTP ${statusCode}`,
    theNodeAnswersWithError: (code) => `der Knoten antwortet mit Fehler ${code}`,
    theNodeLagsBehindIts: 'der Knoten hinkt seinem Netz hinterher',
    theNodeHasClosedThe: 'der Knoten hat die Verbindung geschlossen',
    theNodeTakesNoConnection: 'der Knoten nimmt keine Verbindung an',
    theNodeTakesNoSubscription: 'der Knoten nimmt kein Abonnement an',
  },
  busScreen: {
    terms: 'Zahlung und Netzentgelt',
    termsFrom: (time) => `Ab ${time}`,
    gridFeesGoTo: 'Netzentgelte gehen an',
    bus: 'Bus',
    theBuses: 'die Busse',
    thereIsNoBusAt: 'Unter dieser Adresse gibt es auf diesem Netz keinen Bus.',
    createABus: 'Bus anlegen',
    paused: 'angehalten',
    copyTheBussAddress: 'Adresse des Busses kopieren',
    decisions: 'Beschlüsse',
    timelock: 'Wartezeit',
    none: 'keine',
    pausing: 'Anhalten',
    capacity: 'Kapazität',
    basePrice: 'Mindestpreis',
    lockFee: 'Gebühr fürs Halten',
    windows: 'Zeitfenster',
    listing: 'Anbieten dürfen',
    token: 'Token',
    owners: 'Eigentümer',
    nobody: 'Niemand',
    pastWindows: 'Vergangene Zeitfenster',
    reservePrice: 'Eigene Energie ab',
    leastSize: 'Kleinste Menge',
    horizon: 'Handelt voraus',
    operator: 'Betreiber',
  },
  createBus: {
    noWindowsDeliversAnyTime: 'Keine Zeitfenster: liefert jederzeit',
    whenTheWindowStarts: 'Wenn das Zeitfenster beginnt',
    n5MinutesBefore: '5\u00a0Minuten vorher',
    n15MinutesBefore: '15\u00a0Minuten vorher',
    n1HourBefore: '1 Stunde vorher',
    atOnce: 'Sofort',
    after1Minute: 'Nach 1 Minute',
    after1Hour: 'Nach 1 Stunde',
    after1Day: 'Nach 1 Tag',
    after7Days: 'Nach 7 Tagen',
    everyOwnerNeedsAnAddress: 'Jeder Eigentümer braucht eine Adresse und einen Anteil.',
    theSameOwnerIsIn: 'Derselbe Eigentümer steht zweimal in der Liste.',
    youMustBeOneOf: 'Sie müssen selbst Eigentümer sein.',
    theSharesMakeTheyMust: (share) => `Die Anteile ergeben ${share}; es müssen 100\u00a0% sein.`,
    theLockFeeCanBe: 'Die Gebühr fürs Halten darf höchstens 5\u00a0% sein.',
    openIt: 'Öffnen',
    putEnergyOnOffer: 'Energie anbieten',
    isThereOr: (value, link, link2) => (
      <>
        {value} ist da. {link} oder {link2}.
      </>
    ),
    createABus: 'Bus anlegen',
    name: 'Name',
    whatNeighboursCallIt: 'So nennen ihn die Nachbarn.',
    capacity: 'Kapazität',
    capacityPerWindow: 'Kapazität je Zeitfenster',
    energyThatMayBeOn: 'Energie, die angeboten oder verkauft sein darf.',
    settlementTokenMint: 'Token zum Bezahlen (Adresse)',
    decimals: (decimals, more) => `${decimals} Nachkommastellen${more}`,
    lookingItUp: 'Wird nachgesehen…',
    whatBuyersPayInA: 'Womit Käufer zahlen, meist ein Stablecoin.',
    tokensOfOtherBuses: 'Token anderer Busse',
    as: (busName) => `wie ${busName}`,
    basePricePerKwh: 'Mindestpreis je kWh',
    noOfferAsksLessThan: (amount) => `Kein Angebot verlangt weniger als ${amount}.`,
    theLowestPriceThatAn: 'Der niedrigste Preis, den ein Angebot verlangen darf.',
    ownersAndTheirSharesOf: 'Eigentümer und ihre Anteile an den Einnahmen des Busses',
    owner: (more) => `Eigentümer ${more}`,
    you: 'Sie',
    shareOfOwner: (more) => `Anteil Nr. ${more}`,
    removeOwner: (more) => `Eigentümer ${more} entfernen`,
    addAnOwner: 'Eigentümer hinzufügen',
    sharesMake: (share) => `Anteile ergeben ${share}`,
    approvalsThatADecisionNeeds: 'Zustimmungen, die ein Beschluss braucht',
    approvalsThatPausingNeeds: 'Zustimmungen, die das Anhalten braucht',
    asManyAsAnyDecision: 'So viele wie jeder Beschluss',
    decisionsTakeEffect: 'Beschlüsse gelten',
    lockFee: 'Gebühr fürs Halten',
    whatHoldingEnergyCostsWhere: 'Was das Halten kostet, wenn nicht gekauft wird, höchstens 5\u00a0%.',
    deliveryWindows: 'Zeitfenster der Lieferung',
    gateCloses: 'Handelsschluss',
    whoMayListEnergy: 'Wer Energie anbieten darf',
    stillMissing: (names) => `Es fehlt noch: ${names}.`,
    costs: (fee, rent) => `Chain-Gebühr ${fee}; Miete ${rent}, die fast ganz zurückkommt, wenn der Bus schließt.`,
    createTheBus: 'Bus anlegen',
    oneDay: '1 Tag',
    sevenDays: '7 Tage',
    thirtyDays: '30 Tage',
    oneYear: '1 Jahr',
    fifteenMinutes: '15\u00a0Minuten',
    thirtyMinutes: '30\u00a0Minuten',
    oneHour: '1 Stunde',
    theHorizonIsTooShort:
      'Die Zeit vom Handelsschluss bis zum Ende eines Zeitfensters muss kürzer sein als die Zeit, die auf dem Bus vorausgehandelt wird.',
    theLeastSizeIsAboveTheCapacity: 'Die kleinste Menge ist größer als die Kapazität.',
    horizon: 'Wie weit im Voraus er handelt',
    horizonNeverChanges: 'So weit im Voraus enden Angebote und öffnen Zeitfenster höchstens. Das ändert sich nie.',
    leastSize: 'Kleinste Menge',
    whatLeastSizeIs: 'So viel wird auf einmal mindestens angeboten, gekauft oder gehalten, außer einem Rest.',
    reservePrice: 'Eigene Energie ab, je kWh',
    asTheBasePrice: 'der Mindestpreis',
    whatReservePriceIs:
      'Eigene Angebote des Busses verlangen nie weniger, damit kein Eigentümer allein die gemeinsame Energie billig verkauft.',
    operator: 'Wallet des Betreibers',
    nobody: 'niemand',
    whatTheOperatorDoes:
      'Darf sofort Verkäufer zulassen und sperren und eigene Angebote des Busses zurückziehen; trägt Zähler ein und liest ab, wo einer schweigt.',
  },
  bus: {
    pasteAWalletsAddress: 'Fügen Sie die Adresse einer Wallet ein.',
    thisIsNotAnAddress: 'Das ist keine Adresse; fügen Sie alle 32 bis 44 Buchstaben und Ziffern ein.',
    giveTheBusAName: 'Geben Sie dem Bus einen Namen.',
    atMost32BytesThis: (length) => `Höchstens 32\u00a0Byte; das sind ${length}.`,
    noControlCharactersPlease: 'Bitte keine Steuerzeichen.',
    thereIsNoTokenWith: 'Auf diesem Netz gibt es keinen Token mit dieser Adresse; fügen Sie seine Adresse ein.',
  },
  pastWindows: {
    closed: (count, back) =>
      `${count === 1 ? 'Ein Zeitfenster ist' : `${count} Zeitfenster sind`} geschlossen; die Miete ging zurück${back === undefined ? '' : `: ${back}`}.`,
    over: (count) =>
      count === 1 ? 'Ein Zeitfenster lässt sich schließen.' : `${count} Zeitfenster lassen sich schließen.`,
    withdrawn: (count) => `${offers(count)} ${count === 1 ? 'wird' : 'werden'} mit zurückgezogen`,
    closingGivesTheRentBack: (sol, units) =>
      `Schließen gibt die Miete dem zurück, der sie gezahlt hat, je ${sol} (${units}\u00a0Lamports).`,
    pastWindows: 'Vergangene Zeitfenster',
    locksHoldItUpFree: 'gehaltene Energie hält es offen; geben Sie sie zuerst frei',
    closePastWindows: 'Vergangene Zeitfenster schließen',
  },
  capacity: {
    thereIsNothingToClose:
      'Es gibt nichts zu schließen: Diese Zeitfenster sind schon geschlossen, oder gehaltene Energie hält sie offen.',
  },
  lockCard: {
    boughtFor: (energy, tokens) => (
      <>
        {energy} für {tokens} gekauft.
      </>
    ),
    releasedCameBack: (tokens, fee) => (
      <>
        Zurückgegeben; {tokens} kamen zurück.{fee !== false && <> Der Verkäufer behält {fee} fürs Halten.</>}
      </>
    ),
    releasingCosts: (tokens, share) => (
      <>
        ; Zurückgeben kostet {tokens} ({share})
      </>
    ),
    releasedWaits: (tokens) => (
      <>
        Zurückgegeben; {tokens} konnten nicht auf das Konto gezahlt werden, von dem sie kamen. Sie warten auf dieser
        Seite auf Sie: Holen Sie sie dort, auch auf ein anderes Konto.
      </>
    ),
    itBecomesAClaim:
      'Das Konto, das die Hinterlegung gezahlt hat, kann jetzt kein Geld annehmen: geschlossen, eingefroren, oder es verlangt einen Vermerk. Geben Sie die Energie zurück, wartet die Hinterlegung auf dieser Seite auf Sie, und Sie können sie auf ein anderes Konto holen.',
    itWouldBeFrozen:
      'Der Herausgeber des Tokens hat das Konto mit Ihrer Hinterlegung eingefroren. Geben Sie die Energie jetzt zurück, bleibt die Hinterlegung Ihre und wartet dort, bis sie sich auszahlen lässt.',
    itCanOnlyBeReleased: '; es kann nur noch zurückgegeben werden',
    purchaseLane: 'Ihres Kaufbuchs',
    settle: 'Kaufen',
    release: 'Zurückgeben',
    deposited: (tokens, more, more2) => (
      <>
        {tokens} hinterlegt{more}
        {more2}
      </>
    ),
    refundIsFrozen:
      'Zurückgegeben. Der Herausgeber des Tokens hat das Konto mit Ihrer Hinterlegung eingefroren, deshalb lässt sie sich noch nicht zurückzahlen; sie gehört Ihnen weiter.',
    payTheRefund: 'Jetzt zurückzahlen',
  },
  lock: {
    thisOfferIsGone: 'Dieses Angebot gibt es nicht mehr.',
    allPlacesAreTaken: (places) =>
      `Sie halten schon ${places} Teile dieses Angebots, mehr geht nicht. Kaufen Sie zuerst einen, oder geben Sie einen zurück.`,
  },
  marketScreen: {
    anotherBusIsCalledAlike: 'Ein anderer Bus heißt fast genauso: Achten Sie auf die Adresse.',
    payment: 'Verkäufer erhalten Geld',
    gridFee: 'Netzentgelt, in den Preisen',
    unplaced: (count) =>
      count === 1
        ? 'Von 1 älteren Kauf ist das Zeitfenster nicht bekannt, deshalb fehlt er hier.'
        : `Von ${count} älteren Käufen ist das Zeitfenster nicht bekannt, deshalb fehlen sie hier.`,
    capacityOf: (energy) =>
      `Von ${energy.total}: ${energy.sold} verkauft, ${energy.listed} im Angebot, ${energy.reserved} reserviert, ${energy.available} verfügbar`,
    thereIsNoBusAt: 'Unter dieser Adresse gibt es auf diesem Netz keinen Bus.',
    market: 'Markt',
    theMarket: 'den Markt',
    createTheFirstOne: 'Legen Sie den ersten an.',
    thereIsNoBusOn: (link) => <>Auf diesem Netz gibt es noch keinen Bus. {link}</>,
    offers: 'Angebote',
    depth: 'Tiefe',
    buy: 'Kaufen',
    howToBuy: 'Wie kaufen',
    bestPrice: 'Bester Preis',
    basketTab: (count) => (count > 0 ? `Korb (${count})` : 'Korb'),
    buses: 'Busse',
    findABus: 'Bus suchen',
    whatABusIs: 'Ein Bus ist der Markt einer Nachbarschaft: Er hat Eigentümer und eigene Regeln.',
    nameOwnerOrAddress: 'Name oder Adresse',
    busesWithEnergyFrom: 'Busse mit Energie aus',
    anySource: 'Jede Quelle',
    any2: 'Jede',
    noBusIsLikeThat: 'So einen Bus gibt es nicht.',
    paused: 'Angehalten',
    nothingOnOffer: 'Nichts im Angebot',
    free: (energy) => `${energy} frei`,
    yours: ' · Ihrer',
    from: (price) => `ab ${price}`,
    paused2: 'angehalten',
    ownersAndDecisions: 'Eigentümer und Beschlüsse',
    copyTheBussAddress: 'Adresse des Busses kopieren',
    ownersAndTheirShares: 'Eigentümer und ihre Anteile',
    owners: () => 'Eigentümer',
    deliveryWindow: 'Zeitfenster der Lieferung',
    allWindows: 'Alle Zeitfenster',
    sold: 'verkauft',
    onOffer: 'im Angebot',
    reserved: 'reserviert',
    available: 'verfügbar',
    capacity: 'Kapazität',
    capacityOfAWindow: 'Kapazität je Zeitfenster',
    pricesNow: 'Preise jetzt',
    nothingOnOffer2: 'nichts im Angebot',
    inAllWindows: (count) => `In den ${count} Zeitfenstern, die jetzt gehandelt werden:`,
    kwh: (token) => `${token}/kWh`,
    delivery: 'Lieferung',
    windowsGateClosesBefore: (time, time2) => `Zeitfenster von ${dative(time)}, Handelsschluss ${time2} vorher`,
    windowsGateClosesAtStart: (time) => `Zeitfenster von ${dative(time)}, Handelsschluss zu ihrem Beginn`,
    anyTime: 'jederzeit',
    listing: 'Anbieten dürfen',
    prices: 'Preise',
    recentTrades: 'Letzte Käufe',
    olderTradesCouldNotBe: (tradesMissing) => `Ältere Käufe waren von diesem Knoten nicht zu lesen (${tradesMissing}).`,
    nothingWasTradedHereYet: 'Hier wurde noch nichts gehandelt.',
    nothingWasTradedLately:
      'Hier wurde in letzter Zeit nichts gekauft. Was älter ist als die letzten Transaktionen des Markts, wird hier nicht gelesen.',
    nothingWasBoughtDirectly:
      'Hier wurde noch nichts direkt gekauft. Was Auktionen verkauft haben, steht bei jeder Auktion.',
    trades: 'die Käufe',
    when: 'Wann',
    buyer: 'Käufer',
    energy: 'Energie',
    perKwh: 'je kWh',
    paid: 'Bezahlt',
  },
  offerTable: {
    source: 'Quelle',
    perKwh: 'Je kWh',
    free: 'Frei',
    remaining: 'Übrig',
    seller: 'Verkäufer',
    endsIn: 'Noch',
    delivery: 'Lieferung',
    filterBySource: 'Nach Quelle filtern',
    all: (count) => `Alle ${count}`,
    nothingIsOnOfferHere: 'Hier ist gerade nichts im Angebot.',
    offers: 'Angebote',
    buy: 'Kaufen',
    offersScrollable: 'Angebote, zum Blättern',
    kwh: (token) => `${token}/kWh`,
    reserved: (energy) => `${energy} reserviert`,
    of: (energy) => `von ${energy}`,
    thisIsYourOwnOffer: 'Das ist Ihr eigenes Angebot',
    locksOnThisOffer: 'Gehaltene Energie dieses Angebots',
    heldBy: (energy, who, countdown) => (
      <>
        {energy} gehalten von {who} {countdown}
      </>
    ),
    tradesIn: (countdown) => <>gilt in {countdown}</>,
  },
  charts: {
    offerToRead: 'Angebot zum Vorlesen',
    depthUpTo: (energy, price) => `${energy} sind für höchstens ${price} je kWh im Angebot.`,
    tradeToRead: 'Handel zum Vorlesen',
    tradeAt: (time, energy, price) => `${time}: ${energy} zu ${price} je kWh.`,
    depth: (energy, count, price) => `Tiefe: ${energy} in ${offers(count).replace(/e$/u, 'en')}, ab ${price} je kWh`,
    prices: (count, price) =>
      count === 1
        ? `Preis des letzten Kaufs: ${price} je kWh`
        : `Preise der letzten ${count} Käufe, zuletzt ${price} je kWh`,
    nothingIsOnOfferHere: 'Hier ist gerade nichts im Angebot.',
  },
  networkButton: {
    connecting: 'Verbinde',
    live: 'Live',
    connectionLost: 'Verbindung verloren',
    networkChangeIt: (networkName, more) => `Netz ${networkName}: ${more}. Ändern`,
    network: 'Netz',
    aNodeOfYourOwn: 'Ein eigener Knoten',
    itsSubscriptions: 'Seine Abonnements',
    useThisNode: 'Diesen Knoten nutzen',
    theLinksNode: 'Der Knoten des Links',
    and: (more) => <>und {more}</>,
    thisLinkWantsYouTo: (more, defaultWsUrl) => (
      <>
        Dieser Link will, dass Sie über den Knoten {more}
        {defaultWsUrl} handeln. Ein Knoten sieht, was Sie tun, und bestimmt, was Sie sehen: Nutzen Sie ihn nur, wenn Sie
        dem trauen, von dem der Link kommt.
      </>
    ),
    stayWith: (networkName) => `Bei ${networkName} bleiben`,
    notAllWasReadYet: 'noch wurde nicht alles gelesen.',
    whatYouSeeIsFrom: (when) => <>was Sie sehen, ist von {when}.</>,
    theConnectionToIsLost: (networkName, more, more2) => (
      <>
        Die Verbindung zu {networkName} ist verloren; {more} Neuer Versuch… {more2}
      </>
    ),
    thisBrowserKeepsNothingFor:
      'Dieser Browser bewahrt für diese Seite nichts auf: Sein Speicher ist voll oder gesperrt. Lassen Sie die Seite offen, bis ein Kauf durch ist.',
    browsersSignAndHashOnly:
      'Browser unterschreiben nur auf sicheren Seiten. Öffnen Sie diese App über https oder auf diesem Gerät.',
    notOnThisNetwork: 'Nicht auf diesem Netz',
    chooseAnotherNetwork: 'Anderes Netz wählen',
  },
  expiryField: {
    chooseADayAndA: 'Wählen Sie Tag und Uhrzeit.',
    thatIsInThePast: 'Das ist vergangen; wählen Sie eine spätere Zeit.',
    tradesUntil: 'Gilt bis',
    ownTime: 'Eigene Zeit',
    dayAndTime: 'Tag und Uhrzeit',
    longest: 'So lange wie möglich',
    until: (time) => `Bis ${time}.`,
    atTheLatest: (time) =>
      `Ein Angebot endet mit dem Handelsschluss oder so weit im Voraus, wie der Bus handelt: Wählen Sie spätestens ${time}.`,
  },
  offerDialog: {
    ofItGridFee: 'Davon für das Netz',
    payment: 'Bezahlung',
    elsewhere: (amount, count, bus) =>
      `Dieselbe Menge kostet jetzt ${amount} aus ${counted(count, 'anderen Angebot', 'anderen Angeboten')} auf ${bus}. Schließen Sie dies, und kaufen Sie zum besten Preis.`,
    thisOfferIsGoneIt: 'Dieses Angebot gibt es nicht mehr: Es wurde ausverkauft oder zurückgezogen.',
    onlyOfThisOfferAre: (energy) => `Von diesem Angebot sind nur ${energy} frei.`,
    bought: (energy, paidFor) => (
      <>
        {energy} {paidFor} gekauft.
      </>
    ),
    myEnergy: 'Meine Energie',
    holdingForFiveMinutesSettle: (energy, link) => (
      <>
        {energy} werden fünf Minuten für Sie gehalten. Kaufen Sie sie unter {link}, oder geben Sie sie dort zurück.
      </>
    ),
    offer: 'Angebot',
    offerOn: (busName) => `Angebot auf ${busName}`,
    source: 'Quelle',
    pricePerKwh: 'Preis je kWh',
    delivery: 'Lieferung',
    free: 'Frei',
    seller: 'Verkäufer',
    whatToDo: 'Was tun',
    buyNow: 'Jetzt kaufen',
    hold5Min: '5\u00a0Minuten halten',
    basket: 'Korb',
    howMuch: 'Wie viel',
    anyPartOfItDown: 'Jede Menge davon, ab 1\u00a0Wh.',
    allThatIsFree: 'Alles, was frei ist',
    takeWhatIsLeftIf: 'Nehmen, was übrig ist, wenn jemand schneller ist',
    deposit: 'Hinterlegung',
    yourLock: 'Ihrer Hinterlegung',
    yourOffer: 'Ihres Angebots',
    theBasketIsFullOne:
      'Der Korb ist voll: Mehr Angebote fasst eine Transaktion nicht. Kaufen Sie zuerst, was darin ist, oder nehmen Sie etwas heraus.',
    thisOfferStopsTradingIn:
      'Dieses Angebot endet in weniger als fünf Minuten und lässt sich deshalb nicht halten; kaufen Sie sofort.',
    holdForFiveMinutes: 'Fünf Minuten halten',
    addToTheBasket: 'In den Korb',
    deposited: (settled) =>
      `Sie hinterlegen den ganzen Preis für fünf Minuten. Kaufen Sie, ${settled}; geben Sie die Energie zurück, bekommen Sie ihn ganz wieder.`,
    depositedWithFee: (settled, share, amount) =>
      `Sie hinterlegen den ganzen Preis für fünf Minuten. Kaufen Sie, ${settled}; geben Sie die Energie zurück, bekommen Sie ihn wieder, ohne ${share} für den Verkäufer (${amount}).`,
    theSellerGetsIt: 'bekommt ihn der Verkäufer',
    itWaitsForTheDelivery: 'wartet er auf die Lieferung',
  },
  ownOffers: {
    perKwh: (tokens) => <>{tokens} je kWh</>,
    over: (count) => `${offers(count)} ${count === 1 ? 'ist' : 'sind'} zu Ende`,
    buyersPay: (tokens) => <>Käufer zahlen mit Netzentgelt {tokens} je kWh</>,
    freeOne: 'Eine freigeben',
    freeIt: 'Freigeben',
    nothing: 'Sie haben nichts im Angebot.',
    nothingOn: (bus) => `Sie haben nichts im Angebot auf ${bus}.`,
    yourOffers: 'Ihre Angebote',
    ownOffers: 'Eigene Angebote',
    forTheBus: 'für den Bus',
    freeOf: (energy) => `frei von ${energy}`,
    reserved: (energy) => `, ${energy} reserviert`,
    ends: (more) => <>, noch {more}</>,
    ended: ', beendet',
    sold: (energy, more, more2, more3) => (
      <>
        {energy} verkauft{more}
        {more2}
        {more3}
      </>
    ),
    reprice: 'Preis ändern',
    withdraw: 'Angebot zurückziehen',
    areFreeAgainTheDeposit: (energy) => `${energy} sind wieder frei; die Hinterlegung ging an den Käufer zurück.`,
    areFreeAgainTheDepositWaits: (energy) =>
      `${energy} sind wieder frei; die Hinterlegung ließ sich jetzt nicht auszahlen und wartet auf den Käufer.`,
    underExpiredLocks: (energy) => `${energy} gehalten, aber die fünf Minuten sind um`,
    setANewPrice: 'Neuen Preis setzen',
    withdrawWhatIsFree: 'Zurückziehen, was frei ist',
    theOfferAsksPerKwh: (amount) => `Das Angebot verlangt jetzt ${amount} je kWh.`,
    withdrawnTheEnergyIsAvailable: 'Zurückgezogen; die Energie steht dem Bus wieder zur Verfügung.',
    pricePerKwh: 'Preis je kWh',
    energyUnderLocksStaysUntil: ' Gehaltene Energie bleibt, bis sie gekauft oder zurückgegeben wird.',
    goBackToTheBus: (energy, more) => (
      <>
        {energy} gehen an den Bus zurück.{more}
      </>
    ),
    theBussBasePriceIs: (amount) => `Der Mindestpreis des Busses ist ${amount}; verlangen Sie mindestens so viel.`,
    setExpiry: 'Ende ändern',
    tradeUntilAnotherTime: 'Bis zu einer anderen Zeit anbieten',
    theOfferTradesUntil: (time) => `Das Angebot gilt jetzt bis ${time}.`,
    paidSoFar: (tokens) => <>{tokens} verdient und noch nicht abgehoben</>,
    atLeast: (amount) => `Mindestens ${amount}. Gehaltene Energie behält ihren Preis.`,
    waitsAgain: (time) => `Ein niedrigerer Preis lässt das Angebot warten: Es gilt erst nach ${dative(time)} wieder.`,
    locksNeedItUntil: (time) =>
      `Gehaltene Energie braucht das Angebot bis ${time}; wählen Sie diese Zeit oder eine spätere.`,
    onlyEarlierWhileClosing: 'Der Bus schließt, deshalb können Angebote nur früher enden.',
    theReservePriceIs: (amount) =>
      `Die Eigentümer haben beschlossen, dass der Bus seine eigene Energie für mindestens ${amount} verkauft.`,
    repriceFirst: (amount) =>
      `Sein Preis ist inzwischen zu niedrig: Verlangen Sie mindestens ${amount}, bevor es länger gilt.`,
  },
  sellScreen: {
    theMarket: 'Der Markt zu dieser Zeit',
    nobodyElseSells: 'Niemand sonst verkauft für diese Zeit.',
    othersAsk: (energy, lowest, highest, token) =>
      lowest === highest
        ? `Andere verkaufen ${energy} für diese Zeit, zu ${lowest}\u00a0${token} je kWh.`
        : `Andere verkaufen ${energy} für diese Zeit, zu ${lowest} bis ${highest}\u00a0${token} je kWh.`,
    youAreTheCheapest: 'Ihres wäre das billigste Angebot.',
    soldBeforeYours: (energy) => `${energy} davon würden vor Ihrem verkauft.`,
    yourDeviceDelivers: (energy, power, most) =>
      `${energy} können Sie anbieten: Ihr Gerät hat ${power} und liefert in diesem Zeitfenster höchstens ${most}.`,
    yourDeviceCannot: (energy, power) =>
      `Ein Gerät mit ${power} kann in diesem Zeitfenster noch ${energy} liefern; bieten Sie höchstens so viel an.`,
    buyersPay: (amount, fee) => `Käufer zahlen ${amount} je kWh: Ihren Preis und ${fee} für das Netz.`,
    youArePaid: (how) => `Sie erhalten Ihr Geld: ${how}.`,
    whatOnDeliveryMeans: (time) =>
      `Was Käufer zahlen, wartet, bis Ihr Zähler gesagt hat, was Sie geliefert haben. Ohne einen Zählerstand bis ${time} geht alles an sie zurück.`,
    opensTheBook: (sol) => `${sol} davon sind für Ihr Lieferbuch dieser Zeitfenster und kommen später zurück.`,
    asYourMeterSays: '(wie Ihr Zähler sagt)',
    youNeedAMeter:
      'In diesem Zeitfenster werden Verkäufer für das bezahlt, was ein Zähler als geliefert meldet, und Sie haben hier noch keinen Zähler. Bitten Sie den Betreiber, Ihren einzutragen.',
    theMeterIsValidFrom: (time) => `Ihr Zähler misst Zeitfenster ab ${time}; wählen Sie ein späteres.`,
    thereIsNoBusAt: 'Unter dieser Adresse gibt es auf diesem Netz keinen Bus.',
    sell: 'Verkaufen',
    putEnergyOnOffer: 'Energie anbieten',
    connectAWalletToSee: 'Verbinden Sie eine Wallet, um zu sehen, wo Sie verkaufen dürfen.',
    connectAWallet: 'Wallet verbinden',
    whereYouMaySell: 'wo Sie verkaufen dürfen',
    createABus: 'Legen Sie einen Bus an',
    youOwnNoBusAnd: (link) => (
      <>Ihnen gehört kein Bus, und auf keinem dürfen alle anbieten. {link}, oder fragen Sie einen Eigentümer.</>
    ),
    onWhichBus: 'Auf welchem Bus',
    whatYouHaveOnOffer: 'Was Sie anbieten',
    onOfferAtPerKwh: (energy, amount) => (
      <>
        {energy} im Angebot für {amount} je kWh.
      </>
    ),
    deliveryWindow: 'Zeitfenster der Lieferung',
    energy: 'Energie',
    available: (energy) => `${energy} verfügbar.`,
    theBusHasAvailableOffer: (energy) => `Der Bus hat ${energy} verfügbar; bieten Sie höchstens so viel an.`,
    pricePerKwh: 'Preis je kWh',
    source: 'Quelle',
    whoSells: 'Wer verkauft',
    youYourWalletIsPaid: 'Sie: Ihre Wallet wird bezahlt',
    theBusItsTreasuryIs: 'Der Bus: seine Kasse wird bezahlt',
    theOperatorIs: 'Der Betreiber:',
    yourAddressIs: 'Ihre Adresse:',
    bringsIfAllIsSold: (amount) => `Bringt ${amount}, wenn alles auf einmal verkauft wird.`,
    theOwnersHavePausedThis: 'Die Eigentümer haben diesen Bus angehalten; gerade lässt sich nichts anbieten.',
    putOnOffer: 'Anbieten',
    atLeast: (amount) => `Mindestens ${amount}.`,
    atLeastTheLeastSize: (energy) =>
      `Angebote auf diesem Bus haben mindestens ${energy} oder alles, was verfügbar ist.`,
    tradesIn: (time) => `In ${dative(time)} kann es gekauft werden.`,
    busOffersWait: (time) =>
      `Angebote des Busses selbst gelten erst ${time} nach dem Anbieten oder Senken, damit seine Eigentümer sie vorher sehen.`,
    rent: (sol, more) => `Braucht ${sol} Miete${more}. Sie kommt zurück, wenn die Konten schließen.`,
    openingTheAccount: ', um Ihr Verkäuferkonto auf diesem Bus zu öffnen',
  },
  offer: {
    theBusIsNotOn: 'Den Bus gibt es auf diesem Netz nicht mehr.',
  },
  proposals: {
    newGridRecipient: 'Wallet, die die Netzentgelte erhält',
    whatTheGridRecipientIs: 'Käufer zahlen das Netzentgelt zusätzlich zum Preis. Lassen Sie es leer für die Kasse.',
    theOperatorIsNeeded:
      'Auf diesem Bus werden Verkäufer für das bezahlt, was geliefert wurde. Er braucht deshalb einen Betreiber, der abliest, wo ein Zähler schweigt. Beschließen Sie zuerst andere Bedingungen.',
    theOperatorIsNeededUntil: (time) =>
      `Der Bus braucht seinen Betreiber bis ${time}: Dann sind alle Zählerstände früherer Zeitfenster endgültig.`,
    termsHoldFrom: 'Sie gelten ab',
    whyNotEarlier: (time) =>
      `Auf dem Bus wird ${time} im Voraus gehandelt. Neue Bedingungen beginnen danach, damit sich kein offenes Zeitfenster ändert.`,
    termsAreFixed: (time) =>
      `Andere Bedingungen sind schon beschlossen und gelten ab ${time}. Unter ihnen sind Zeitfenster offen, deshalb bleiben sie; schlagen Sie danach neue vor.`,
    nothing: (threshold, count) =>
      `Nichts ist vorgeschlagen. Was diesen Bus ändert, ${count === 1 ? 'beschließt sein Eigentümer' : `beschließen ${threshold} seiner ${count} Eigentümer`}.`,
    needs: (approvals, count, wait) =>
      `Braucht ${approvals} von ${counted(count, 'Eigentümer', 'Eigentümern')}${wait === undefined ? '' : `, dann ${wait} Wartezeit`}. Vorschlagen ist Ihre Zustimmung.`,
    carriedOut: 'ausgeführt',
    staleOwnersSharesOrThreshold: 'überholt: Eigentümer, Anteile oder nötige Zustimmungen haben sich geändert',
    approvedByNobody: 'niemand stimmt zu',
    needsApprovals: 'braucht Zustimmungen',
    approvedInItsTimelock: 'beschlossen, wartet noch',
    readyToBeCarriedOut: 'kann ausgeführt werden',
    decisions: 'Beschlüsse',
    proposeAChange: 'Änderung vorschlagen',
    aChangeThatThisApp: 'Eine Änderung, die diese App nicht kennt',
    takesEffectIn: (countdown) => <>Noch {countdown}, dann wird er wirksam.</>,
    proposedBy: (who, when, more) => (
      <>
        Vorgeschlagen {when} von {who}. {more}
      </>
    ),
    approvals: 'Zustimmungen',
    approves: 'zugestimmt',
    hasNotApproved: 'noch nicht',
    ofNeeded: (count, approvalsNeeded) => `${count} von ${approvalsNeeded} nötigen`,
    youApproveThisProposal: 'Sie stimmen diesem Vorschlag zu.',
    approve: 'Zustimmen',
    yourApprovalIsTakenBack: 'Ihre Zustimmung ist zurückgenommen.',
    revoke: 'Zustimmung zurücknehmen',
    carriedOutTheBusIs: 'Ausgeführt: Der Bus ist geändert.',
    carryOut: 'Ausführen',
    closedItsRentWentBack: 'Geschlossen; die Miete ging an den Vorschlagenden zurück.',
    close: 'Weglegen',
    decidedAndCarriedOut: 'Beschlossen und ausgeführt.',
    theOtherOwnersSeeIt: 'Die anderen Eigentümer sehen ihn jetzt.',
    itCanBeCarriedOut: (time) => `Er kann in ${dative(time)} ausgeführt werden.`,
    proposedAndApprovedByYou: (more) => `Vorgeschlagen, mit Ihrer Zustimmung. ${more}`,
    whatToChange: 'Was ändern',
    groups: {
      trading: 'Handel',
      sellers: 'Verkäufer und Betreiber',
      owners: 'Eigentümer',
      deciding: 'Wie beschlossen wird',
      running: 'Anhalten und schließen',
    },
    newBasePricePerKwh: 'Neuer Mindestpreis je kWh',
    now: (amount) => `Jetzt ${amount}.`,
    newCapacity: 'Neue Kapazität',
    newOwnersWallet: 'Wallet des neuen Eigentümers',
    ownerWhoLeaves: 'Eigentümer, der ausscheidet',
    whatItEarnedUntilThen: 'Was er bis dahin verdient hat, kann er weiter abholen.',
    sharesAfterwards: 'Anteile danach',
    shareOfOwner: (more) => `Anteil Nr. ${more}`,
    theyMustMake100: '; es müssen 100\u00a0% sein',
    theyMake: (share, more) => `Zusammen ${share}${more}.`,
    approvalsThatADecisionNeeds: 'Zustimmungen, die ein Beschluss braucht',
    decisionsTakeEffect: 'Beschlüsse gelten',
    whoMayListEnergy: 'Wer Energie anbieten darf',
    deliveryWindows: 'Zeitfenster der Lieferung',
    gateCloses: 'Handelsschluss',
    newLockFee: 'Neue Gebühr fürs Halten',
    atMost5: 'Höchstens 5\u00a0%.',
    yourApprovalIsEnoughThis: 'Ihre Zustimmung genügt: Das gilt sofort.',
    closeForGood: (bus) => `${bus} endgültig schließen`,
    changeIt: 'Ändern',
    propose: 'Vorschlagen',
    expired: 'verfallen: in seinen 30 Tagen nicht ausgeführt',
    until: (time) => `Er kann bis ${time} ausgeführt werden.`,
    ownersPresentKey: 'Bisheriger Schlüssel des Eigentümers',
    theNewKeyHasAll: 'Der neue Schlüssel bekommt Anteil, Einnahmen und Stimme des Eigentümers.',
    newKey: 'Neuer Schlüssel',
    sellersWallet: 'Wallet des Verkäufers',
    newOperator: 'Wallet des neuen Betreibers',
    nobody: 'niemand',
    whatTheOperatorDoes:
      'Er darf sofort Verkäufer zulassen und sperren und eigene Angebote des Busses zurückziehen; er trägt Zähler ein und liest ab, wo einer schweigt. Leer heißt: kein Betreiber.',
    whatSuspendingDoes:
      'Er bietet nichts an, bis er wieder zugelassen ist, und behält sein Geld. Eigentümer dürfen zurückziehen, was er anbietet.',
    approvalsThatPausingNeeds: 'Zustimmungen, die das Anhalten braucht',
    asManyAsAnyDecision: 'So viele wie jeder Beschluss',
    newReservePricePerKwh: 'Eigene Energie ab, je kWh',
    asTheBasePrice: 'der Mindestpreis',
    itIsSoAlready: 'So ist es schon; es gibt nichts zu entscheiden. Wählen Sie etwas anderes.',
    isAnOwnerAlready: 'Diese Wallet gehört schon zu den Eigentümern; nennen Sie eine andere.',
    newLeastSize: 'Neue kleinste Menge',
    whatClosingDoes:
      'Auf dem Bus öffnet nichts mehr, und nichts wird mehr verkauft. Was gehalten wird, lässt sich noch kaufen, und alle bekommen, was ihnen zusteht. Ist alles geschlossen, schließt der Bus endgültig.',
  },
  change: {
    changeTheGridRecipient: 'Ändern, wer die Netzentgelte erhält',
    from: 'Ab',
    fromTheStart: 'Anfang',
    sellersArePaid: 'Verkäufer erhalten Geld',
    gridFee: 'Netzentgelt',
    perKwh: (amount, token) => `${amount}\u00a0${token}/kWh`,
    noGridFee: 'kein Netzentgelt',
    gridFeeOf: (amount) => `Netzentgelt ${amount}`,
    readingDeadline: 'Zeit für den Zählerstand',
    correctionTime: 'Zeit für Korrekturen',
    gridFeesGoTo: 'Netzentgelte gehen an',
    takeInAnOwner: 'Eigentümer aufnehmen',
    removeAnOwner: 'Eigentümer entfernen',
    divideTheSharesAnew: 'Anteile neu verteilen',
    changeTheApprovalsNeeded: 'Nötige Zustimmungen ändern',
    changeTheTimelock: 'Wartezeit ändern',
    changeTheCapacity: 'Kapazität ändern',
    changeTheBasePrice: 'Mindestpreis ändern',
    changeWhoMayList: 'Ändern, wer anbieten darf',
    changeTheDeliveryWindows: 'Zeitfenster ändern',
    changeTheLockFee: 'Gebühr fürs Halten ändern',
    pauseTheBus: 'Bus anhalten',
    letTheBusTradeAgain: 'Bus wieder handeln lassen',
    noWindows: 'keine Zeitfenster',
    atTheStart: 'zum Beginn',
    before: (time) => `${time} vorher`,
    gate: (time, more) => `${time}, Handelsschluss ${more}`,
    leaves: 'scheidet aus',
    approvals: 'Zustimmungen',
    timelock: 'Wartezeit',
    capacity: 'Kapazität',
    basePrice: 'Mindestpreis',
    listing: 'Anbieten dürfen',
    windows: 'Zeitfenster',
    lockFee: 'Gebühr fürs Halten',
    trading: 'Handel',
    paused: 'angehalten',
    running: 'läuft',
    whatChanges: 'Was sich ändert',
    owner: 'Eigentümer',
    what: 'Was',
    before2: 'Vorher',
    decided: 'Beschlossen',
    after: 'Nachher',
    replaceAnOwnersKey: 'Schlüssel eines Eigentümers ersetzen',
    changeThePauseQuorum: 'Zustimmungen fürs Anhalten ändern',
    admitASeller: 'Verkäufer zulassen',
    suspendASeller: 'Verkäufer sperren',
    changeTheReservePrice: 'Preis der eigenen Energie ändern',
    changeTheLeastSize: 'Kleinste Menge ändern',
    changeTheOperator: 'Betreiber ändern',
    closeTheBus: 'Bus schließen',
    approvalsForPausing: 'Zustimmungen fürs Anhalten',
    seller: 'Verkäufer',
    admitted: 'zugelassen',
    suspended: 'gesperrt',
    reservePrice: 'Eigene Energie ab',
    leastSize: 'Kleinste Menge',
    operator: 'Betreiber',
    none: 'keiner',
    bus: 'Bus',
    closing: 'schließt',
  },
  proposal: {
    theBusIsNotOn: 'Den Bus gibt es auf diesem Netz nicht mehr.',
    onlyOwnersPropose: 'Nur Eigentümer des Busses schlagen Änderungen vor; verbinden Sie die Wallet eines Eigentümers.',
  },
  basketPanel: {
    bought: (energy, count, paidFor) => (
      <>
        {energy} aus {counted(count, 'Angebot', 'Angeboten')} {paidFor} gekauft.
      </>
    ),
    room: (count, room) => {
      const together =
        count === 1 ? 'Das ist eine Transaktion' : `Diese ${count} Angebote sind eine Transaktion, alles oder nichts`;
      return room === 0
        ? `${together}; sie ist voll.`
        : `${together}; mindestens ${counted(room, 'weiteres passt', 'weitere passen')} hinein.`;
    },
    thisOfferIsGoneIt: 'Dieses Angebot gibt es nicht mehr: Es wurde ausverkauft oder zurückgezogen.',
    onlyOfThisOfferAre: (energy) => `Von diesem Angebot sind nur ${energy} übrig.`,
    theBasketIsEmptyChoose:
      'Der Korb ist leer. Wählen Sie ein Angebot, und legen Sie einen Teil hinein; alles hier wird auf einmal gekauft.',
    basket: 'Korb',
    oneTransactionCannotHoldSo:
      'So viele Angebote fasst eine Transaktion nicht. Nehmen Sie einige heraus, und kaufen Sie sie danach; was bleibt, wird ganz oder gar nicht gekauft.',
    buyAllInOneTransaction: 'Alles in einer Transaktion kaufen',
    gone: 'Nicht mehr da',
    perKwh: (amount) => `${amount} je kWh`,
    aGoneBus: 'einem Bus, den es nicht mehr gibt',
    takeTheOfferOfOut: (more) => `Das Angebot von ${more} aus dem Korb nehmen`,
    thisOffer: 'diesem Angebot',
    energyFrom: (more) => `Energie von ${more}`,
  },
  bestPrice: {
    max: 'Max.',
    youHave: (amount) => `Sie haben ${amount}.`,
    buy: 'Kaufen',
    leftOut: (count) => `Ausgelassen, weil der Kauf daraus gerade scheitert (${offers(count)}):`,
    buyEnergy: (energy, count) =>
      count > 1 ? `${energy} in ${counted(count, 'Kauf', 'Käufen')} kaufen` : `${energy} kaufen`,
    buyAtTheBestPrice: 'Zum besten Preis kaufen',
    anyAmountDownTo1: 'Jede Menge, ab 1\u00a0Wh.',
    whereToBuy: 'Wo kaufen',
    onBus: (bus) => `Auf ${bus}`,
    onBusesIChoose: 'Busse wählen',
    limits: 'Grenzen',
    highestPricePerKwh: 'Höchster Preis je kWh',
    any: 'beliebig',
    offersAboveItArePassed: 'Teurere Angebote werden übergangen.',
    takeWhatIsThereIf: 'Nehmen, was da ist, wenn es weniger ist',
    moreOffersThanOneTransaction: (count) =>
      `Mehr Angebote, als eine Transaktion fasst: ${purchases(count)}, jeder ganz oder gar nicht, zusammen unterschrieben. Sie erfahren von jedem, was daraus wurde.`,
    busesToBuyFrom: 'Busse, von denen gekauft wird',
    chosenOffers: 'Gewählte Angebote',
    from: 'Von',
    purchaseOfFor: (more, count, energy, amount) => `Kauf ${more} von ${count}: ${energy} für ${amount}`,
  },
  fillTable: {
    energy: 'Energie',
    perKwh: 'je kWh',
    cost: 'Kosten',
    costIn: (token) => `Kosten, ${token}`,
  },
  recovery: {
    unfinishedPurchases: 'Offene Käufe',
    yourWalletSaidOtherwiseAnd: 'Ihre Wallet sagte etwas anderes, und es ist trotzdem geschehen: ',
    yourPurchaseOfWentThrough: (more, title, more2) => (
      <>
        {more}Ihr Kauf von {title} ist durch{more2}.
      </>
    ),
    yourPurchaseOfDidNot: (title) =>
      `Ihr Kauf von ${title} ist nicht geschehen und kann nicht mehr geschehen; nichts wurde bezahlt.`,
    yourBidIsMade: (more, title) => (
      <>
        {more}Ihr Gebot auf {title} ist gemacht.
      </>
    ),
    yourBidDidNot: (title) =>
      `Ihr Gebot auf ${title} wurde nicht gemacht und kann nicht mehr gemacht werden; nichts wurde hinterlegt.`,
    whatBecameOfYourBid: (more, title) =>
      `${more} was aus Ihrem Gebot auf ${title} wurde. Nichts wird zweimal hinterlegt.`,
    dismiss: 'Ausblenden',
    askingTheChain: 'Die Chain wird gefragt,',
    waitingForTheNetworkTo: 'Sobald das Netz antwortet, wird gefragt,',
    whatBecameOfYourPurchase: (more, title) =>
      `${more} was aus Ihrem Kauf von ${title} wurde. Nichts wird zweimal bezahlt.`,
  },
  fund: {
    whatIsMissing: 'Was fehlt',
    sendItTo: 'Senden Sie das Fehlende an diese Adresse, oder scannen Sie den Code mit einer anderen Wallet:',
    code: 'QR-Code Ihrer Adresse',
    fundIt: 'Vom lokalen Netz holen',
    itIsThere: 'Es ist da.',
    theNodeGivesNoSol: 'Der Knoten gibt kein SOL. Nehmen Sie `multibus local fund` auf der Kommandozeile.',
    theNodeGivesNoTokens: (wallet, mint) =>
      `Dieser Knoten gibt einem Browser keine Token. Führen Sie aus: multibus local fund ${wallet} --mint ${mint} --amount 100tokens`,
  },
  totals: {
    delivered: 'Lieferung',
    andMore: (count) => `und ${count} weitere`,
    exactly: 'In den kleinsten Einheiten',
    rent: 'Miete, kommt zurück',
    ofItGridFee: 'Davon für das Netz',
    rentOfYourRecord: 'Miete Ihres Lieferbuchs, kommt später zurück',
    priceGuard: 'Preisgrenze',
    whatThePriceGuardIs:
      'Wie viel mehr als angezeigt Sie zahlen würden, falls Preise steigen, bevor Ihr Kauf ankommt. „genau“ kauft zu dem, was angezeigt ist, oder gar nicht.',
    exact: 'genau',
    yourWalletHoldsThisCosts: (amount, amount2) => `In Ihrer Wallet sind ${amount}; das hier kostet ${amount2}.`,
    for: (tokens) => <>für {tokens}</>,
    total: 'Summe',
    averagePerKwh: 'Im Mittel je kWh',
    neverMoreThan: 'Nie mehr als',
    baseUnits: (units) => `${units} Basiseinheiten`,
    marketFee: 'Marktgebühr',
    none: 'keine',
    purchaseLane: 'Ihres Kaufbuchs',
    lamports: (units) => `${units}\u00a0Lamports`,
    networkFee: 'Chain-Gebühr',
    connectAWalletToSee: 'mit Wallet zu sehen',
    onceNothingIsMissing: 'steht fest, sobald nichts mehr fehlt',
    checking: 'wird geprüft…',
    rentOfYourComesBack: (account) => `Miete ${account}, kommt zurück`,
  },
  fresh: {
    theOffersHaveChangedSince:
      'Die Angebote haben sich geändert, seit Sie hingesehen haben, und nichts wurde unterschrieben. Sehen Sie sich an, was jetzt gewählt ist, und kaufen Sie noch einmal.',
  },
  outcomes: {
    bought: (energy, paidFor, bought, count) => (
      <>
        {energy} {paidFor} gekauft
        {count > 1 && ` in ${bought === count ? '' : `${bought} von `}${count} Käufen`}.
      </>
    ),
    purchase: (more, energy, more2) => `Kauf ${more}, ${energy}: ${more2}`,
    theThatRemainAreQuoted: (energy) => `Für die übrigen ${energy} steht oben ein neuer Preis.`,
  },
  payment: {
    tokensOfThisMarket: 'Token dieses Markts',
    yourWalletHoldsNoYet: (token) => `In Ihrer Wallet sind noch keine ${token}. Besorgen Sie welche, bevor Sie kaufen.`,
    yourAreFrozenByTheir: (token) => `Ihre ${token} sind vom Herausgeber gesperrt. Bitten Sie ihn, sie freizugeben.`,
    yourWalletHoldsAndThis: (amount, amount2) => `In Ihrer Wallet sind ${amount}, und das hier kostet ${amount2}.`,
  },
  plan: {
    theBasketIsEmptyAdd: 'Der Korb ist leer; legen Sie zuerst ein Angebot hinein.',
    on: (energy, buses, delivery) =>
      delivery === undefined ? `${energy} auf ${buses}` : `${energy} auf ${buses}, ${delivery}`,
  },
  purchase: {
    nothingWasBoughtTryAgain: 'Nichts wurde gekauft; versuchen Sie es noch einmal.',
    yourPurchaseOfHappenedAfter: (title) =>
      `Ihr Kauf von ${title} ist doch geschehen, obwohl Ihre Wallet etwas anderes sagte. Sonst wurde nichts gekauft; sehen Sie ihn sich an, bevor Sie mehr kaufen.`,
    yourBidHappenedAfter: (title) =>
      `Ihr Gebot auf ${title} ist doch gemacht, obwohl Ihre Wallet etwas anderes sagte. Sonst wurde nichts unterschrieben; sehen Sie es sich an, bevor Sie mehr bieten oder kaufen.`,
    theNetworkDidNotTake:
      'Das Netz hat ihn nicht rechtzeitig angenommen, es ist also nichts geschehen; versuchen Sie es noch einmal.',
  },
  quote: {
    thisTakesTransactionsAndCan: (count, value, energy) =>
      `Das braucht ${counted(count, 'Transaktion', 'Transaktionen')}, und ${value} lassen sich auf einmal unterschreiben; kaufen Sie weniger, etwa ${energy}.`,
    anOfferClosedWhileIt: 'Ein Angebot wurde eben geschlossen; lassen Sie neu rechnen.',
    nothingIsOnOfferWithin: 'Innerhalb Ihrer Grenzen ist gerade nichts im Angebot.',
    nothingThatYouCanBuy: 'Gerade ist nichts im Angebot, was Sie kaufen können.',
    areOnOffer: (energy) => `Gerade sind ${energy} im Angebot; kaufen Sie weniger.`,
    areOnOfferWithinYour: (energy) =>
      `Innerhalb Ihrer Grenzen sind gerade ${energy} im Angebot; kaufen Sie weniger, oder erhöhen Sie die Grenzen.`,
    thePriceMovedThisCosts: (amount, amount2) =>
      `Der Preis hat sich geändert: Das kostet jetzt ${amount}, und Ihre Grenze ist ${amount2}.`,
    thisOfferIsGoneIt: 'Dieses Angebot gibt es nicht mehr: Es wurde ausverkauft oder zurückgezogen.',
    chooseAnother: (why) => `${why} Wählen Sie ein anderes.`,
    theSellerChangedThePrice: (amount, amount2) =>
      `Der Verkäufer hat den Preis auf ${amount} je kWh geändert, über Ihre Grenze von ${amount2}.`,
    somebodyWasFasterOfThis: (energy, energy2) =>
      `Jemand war schneller: Von diesem Angebot sind ${energy} übrig, und Sie wollen ${energy2}.`,
    partsOfAtLeast: (energy) =>
      `Dieser Bus verkauft Teile ab ${energy} oder den ganzen Rest eines Angebots; kaufen Sie mehr.`,
  },
  router: {
    askForAtLeast1: 'Verlangen Sie mindestens 1\u00a0Wh.',
    theSmallestAcceptableAmountMust: 'Die kleinste Menge muss zwischen 1\u00a0Wh und der gewünschten liegen.',
    thereIsNotEnoughEnergy: 'Innerhalb Ihrer Grenzen ist nicht genug Energie im Angebot.',
    theCostExceedsWhat64: 'Die Kosten übersteigen, was 64 Bit fassen; kaufen Sie weniger auf einmal.',
    evenTheSmallestAcceptableAmount: 'Selbst die kleinste Menge kostet mehr als Ihre Grenze.',
    thePartsAreTooSmall: 'Die Menge lässt sich nicht in Teile zerlegen, die die Angebote verkaufen; kaufen Sie mehr.',
  },
  useBuyer: {
    connectAWalletThatSigns: 'Verbinden Sie zuerst eine Wallet, die für dieses Netz unterschreibt.',
    theNetworkDoesNotAnswer: 'Das Netz antwortet noch nicht; versuchen Sie es gleich noch einmal.',
  },
  usePreview: {
    theNetworkDoesNotAnswer: 'Das Netz antwortet nicht; es wird noch einmal gefragt…',
    yourWalletHasFeeAnd: (sol, sol2) => `Ihre Wallet hat ${sol}; Gebühr und Miete brauchen ${sol2}. Laden Sie SOL auf.`,
  },
  mineScreen: {
    advanced: 'Erweitert: Kaufspuren, Bücher, Miete',
    rentCanBeFetched: 'Sie können Miete zurückholen; sie steht unter „Erweitert“.',
    proven: (count) =>
      count === 1
        ? 'Der Kauf ist durch die Wurzel auf der Chain bewiesen.'
        : `Alle ${count} Käufe sind durch die Wurzel auf der Chain bewiesen.`,
    missing: (count) =>
      `${purchases(count)} ${count === 1 ? 'fehlt' : 'fehlen'} auf diesem Knoten; fragen Sie einen, der alles aufbewahrt.`,
    purchasesOf: (count) => purchases(count),
    myEnergy: 'Meine Energie',
    connectAWalletToSee:
      'Verbinden Sie eine Wallet, um Ihre Busse und Angebote zu sehen, und was Sie halten und gekauft haben.',
    connectAWallet: 'Wallet verbinden',
    onOffer: 'Im Angebot',
    rentToGetBack: 'Miete, die Sie zurückholen können',
    wallet: 'Wallet',
    address: 'Adresse',
    forFeesAndRent: 'Für Gebühren und Miete',
    tokens: 'Token',
    busesYouOwn: 'Ihre Busse',
    createABus: 'Bus anlegen',
    yourBuses: 'Ihre Busse',
    youOwnNoBus: 'Ihnen gehört kein Bus.',
    heldForYou: 'Für Sie gehalten',
    whatYouHold: 'was Sie halten',
    youHoldNoEnergyHold:
      'Sie halten keine Energie. „5\u00a0Minuten halten“ an einem Angebot sichert seinen Preis für fünf Minuten.',
    purchaseLanes: 'Kaufspuren',
    yourLanes: 'Ihre Kaufspuren',
    yourFirstPurchaseOpensA: 'Ihr erster Kauf öffnet eine Spur. Durch sie geschieht jeder Kauf genau einmal.',
    theHashesDoNotMake:
      'Die Hashes ergeben nicht die Wurzel auf der Chain; trauen Sie der Geschichte dieses Knotens nicht.',
    theLaneIsClosedIts: 'Die Spur ist geschlossen, ihre Miete zurück. Ihr nächster Kauf öffnet sie wieder.',
    lane: (lane, more) => (
      <>
        Spur {lane} {more}
      </>
    ),
    theNonceOfTheNext: 'Die Nonce des nächsten Kaufs',
    nextNonce: (more) => `nächste Nonce ${more}`,
    checkTheHistory: 'Geschichte prüfen',
    close: 'Schließen',
    canBeClosedAFew: 'lässt sich einige Minuten nach dem Öffnen schließen',
    olderPurchases: 'Ältere Käufe',
  },
  lanes: {
    thePurchaseLanesOfThis: 'Die Kaufspuren dieser Wallet sind belegt; warten Sie, bis Ihre anderen Käufe durch sind.',
  },
  treasury: {
    theTreasury: 'die Kasse',
    gridFees: 'Netzentgelte',
    gridFeesWait: (tokens, who) => (
      <>
        {tokens} warten auf {who}
      </>
    ),
    waitsFor: (tokens, who) => (
      <>
        {tokens} ließen sich jetzt nicht auszahlen und warten auf {who}; von dort gehen sie auf jedes Konto.
      </>
    ),
    gridFeesWentTo: (tokens, who) => (
      <>
        {tokens} Netzentgelte gingen an {who}.
      </>
    ),
    treasury: 'Kasse',
    readingTheTreasury: 'Die Kasse wird gelesen…',
    wentTo: (tokens, who) => (
      <>
        {tokens} gingen an {who}.
      </>
    ),
    holdsNow: 'Jetzt darin',
    diverted: 'Wartet daneben',
    whatDivertedIs:
      'Einnahmen, die kamen, während die Kasse eingefroren war. Sie zählen für die Eigentümer und werden mit der nächsten Auszahlung bezahlt.',
    claims: 'Ansprüche',
    owner: 'Eigentümer',
    share: 'Anteil',
    mayClaim: 'Kann abholen',
    claim: 'Abholen',
    payOut: 'Auszahlen',
    left: 'ausgeschieden',
    whereOthersArePaid:
      '„Auszahlen“ zahlt auf das übliche Tokenkonto eines Eigentümers. Kann das kein Geld annehmen, wartet der Betrag auf den Eigentümer, der ihn auf jedes Konto holen kann.',
    claimedUnderTheseShares: 'Unter den jetzigen Anteilen abgeholt',
    ofEarlierShares: 'Aus früheren Anteilen offen',
    ownOffers: 'Verkäufe des Busses selbst',
    revenueCountsOnce: 'Sie zählen für die Eigentümer, sobald sie in der Kasse sind; jeder darf sie dorthin bringen.',
  },
  verifyScreen: {
    print: 'Beleg drucken',
    token: 'Token',
    receiptOf: (date) => `Beleg, ${date}`,
    from: 'Von',
    delivered: 'Lieferung',
    notNear:
      'Kein Beleg auf der Chain hat diesen Hash, und kein Kauf, den diese Seite kennt. Die Chain behält die letzten 16 Belege eines Käufers, es kann also ein älterer Kauf von jemand anderem sein. Alle Transaktionen des Markts können es sagen; das dauert eine Weile.',
    lookThroughAll: 'Alle Transaktionen durchsehen',
    stop: 'Anhalten',
    theLaneKeepsIt: 'Die Spur des Käufers auf der Chain hat den Beleg dieses Kaufs.',
    laterReceiptsTookIts:
      'Spätere Käufe haben den Platz seines Belegs eingenommen; die Transaktion zeugt von ihm, und die Geschichte der Spur kann ihn beweisen.',
    checkAll: (count) => `Alle ${purchases(count)} der Spur prüfen`,
    lookedAt: (count) => `${counted(count, 'Transaktion', 'Transaktionen')} angesehen`,
    proven: (count) =>
      count === 1
        ? 'Die Wurzel auf der Chain beweist es: Der eine Kauf dieser Spur ergibt genau diese Wurzel.'
        : `Die Wurzel auf der Chain beweist es: Alle ${count} Käufe dieser Spur ergeben genau diese Wurzel.`,
    missing: (count) =>
      `${purchases(count)} dieser Spur ${count === 1 ? 'fehlt' : 'fehlen'} auf diesem Knoten, deshalb lässt sich ihre Wurzel hier nicht prüfen; fragen Sie einen Knoten, der alles aufbewahrt.`,
    verify: 'Prüfen',
    didItHappen: 'Ist es geschehen?',
    askingTheChain: 'Die Chain wird gefragt…',
    notProcessed: 'Nicht geschehen.',
    transactionHashOrSignature: 'Transaktions-Hash oder Signatur',
    theHashThatEveryPurchase:
      'Der Hash, den jeder Beleg in den Einzelheiten hat, oder die Signatur seiner Transaktion.',
    details: 'Einzelheiten zum Prüfen: Hash, Signatur, Spur',
    processedExactlyOnce: 'Genau einmal geschehen',
    transactionHash: 'Transaktions-Hash',
    copyTheTransactionHash: 'Transaktions-Hash kopieren',
    buyer: 'Käufer',
    energy: 'Energie',
    paid: 'Bezahlt',
    laneAndNonce: 'Spur und Nonce',
    signature: 'Signatur',
    copyTheSignature: 'Signatur kopieren',
    whatWasBought: 'Was gekauft wurde',
    offer: 'Angebot',
    historyRoot: 'Wurzel der Geschichte auf der Chain',
    copyTheHistoryRoot: 'Wurzel der Geschichte auf der Chain kopieren',
    computedRoot: 'Wurzel, die die Geschichte dieses Knotens ergibt',
    copyTheComputedRoot: 'Wurzel, die die Geschichte dieses Knotens ergibt, kopieren',
    theHistoryOfThisNode: 'Die Geschichte dieses Knotens ergibt nicht die Wurzel auf der Chain. Trauen Sie ihr nicht.',
    theLaneWasClosedSince:
      'Die Spur wurde seitdem geschlossen, und mit ihr die Wurzel; von diesem Kauf zeugt die Transaktion selbst, die das Netz aufbewahrt.',
  },
  verify: {
    thisIsNeitherATransaction:
      'Das ist weder ein Transaktions-Hash (64 hexadezimale Ziffern) noch eine Signatur (etwa 88 Buchstaben und Ziffern). Fügen Sie eines davon ganz ein.',
    theNodeKnowsNoTransaction: 'Der Knoten kennt keine Transaktion mit dieser Signatur. Prüfen Sie Netz und Signatur.',
    theTransactionFailedSoThat: 'Die Transaktion ist gescheitert, es wurde also nichts gekauft oder bezahlt.',
    theTransactionSucceededAndThere: 'Die Transaktion ist durch, aber kein Kauf auf MultiBus ist darin.',
    noPurchaseWithThisHash: 'Einen Kauf mit diesem Hash gab es auf diesem Netz nicht.',
  },
  walletDialog: {
    browsersOfPhonesHaveNone:
      'Browser auf dem Telefon haben keine Wallet. Öffnen Sie diese Seite im Browser von Phantom, wo Ihre Wallet ist.',
    openInPhantom: 'In Phantom öffnen',
    getPhantom: 'Phantom holen',
    connect: 'Verbinden',
    walletAccount: (walletName, address) => `Wallet ${walletName}, Konto ${address}`,
    doesNotSignForThis: (walletName, more) =>
      `${walletName} unterschreibt nicht für dieses Netz (${more}). Wechseln Sie das Netz in der Wallet, oder wählen Sie hier ein anderes.`,
    accounts: 'Konten',
    disconnect: 'Trennen',
    connectAWallet: 'Wallet verbinden',
    noWalletIsInstalledIn:
      'In diesem Browser ist keine Wallet. Installieren Sie Phantom oder eine andere Solana-Wallet, dann erscheint sie hier.',
    noWalletInThisBrowser:
      'Keine Wallet in diesem Browser lässt sich hier nutzen. Installieren Sie Phantom oder eine andere Solana-Wallet, dann erscheint sie hier.',
    showsNoAccountUnlockIt: (walletName) =>
      `${walletName} zeigt kein Konto; entsperren Sie sie, und versuchen Sie es noch einmal.`,
    youDeclinedIn: (walletName) => `Sie haben in ${walletName} abgelehnt.`,
    says: (walletName, wordsOf) => `${walletName} sagt: „${wordsOf}“.`,
    waitingForTheWallet: 'wartet auf die Wallet…',
    doesNotSignForThis2: 'unterschreibt nicht für dieses Netz',
  },
  model: {
    theOwnersHavePausedThis: 'Die Eigentümer haben diesen Bus angehalten.',
    thisOfferWasCancelled: 'Dieses Angebot wurde zurückgezogen.',
    thisOfferHasExpired: 'Dieses Angebot ist abgelaufen.',
    theGateOfThisWindow: 'Für dieses Zeitfenster ist Handelsschluss.',
    thisOfferIsSoldOut: 'Dieses Angebot ist ausverkauft.',
    allThatIsLeftOf: 'Alles, was von diesem Angebot übrig ist, wird gehalten.',
    tradesFrom: (time) =>
      `Dieses Angebot des Busses gilt ab ${time}: 120\u00a0Sekunden nach dem Anbieten, damit seine Eigentümer es vorher sehen.`,
    belowTheReservePrice:
      'Dieses Angebot des Busses verlangt weniger, als die Eigentümer beschlossen haben; es gilt, sobald sie den Preis ändern.',
    youAreSuspended:
      'Sie sind auf diesem Bus als Verkäufer gesperrt und können nichts anbieten. Was Sie verdient haben, gehört Ihnen weiter. Bitten Sie die Eigentümer oder den Betreiber, Sie wieder zuzulassen.',
    askToBeAdmitted:
      'Auf diesem Bus werden Verkäufer erst zugelassen: Bitten Sie die Eigentümer oder den Betreiber, Ihre Wallet zuzulassen.',
    onlyOwnersList: 'Auf diesem Bus dürfen nur Eigentümer anbieten.',
    thisBusIsClosing: 'Dieser Bus schließt; auf ihm wird nichts mehr angeboten oder verkauft.',
  },
  errorBoundary: {
    thisScreenCouldNotBe: 'Diese Seite ließ sich nicht zeichnen',
    somethingInTheAppWent: (cause) =>
      `In der App ging etwas schief: ${cause}. Ihr Geld ist sicher: Käufe bezahlt die Chain, und laufende werden weiter beobachtet.`,
    loadThePageAnew: 'Seite neu laden',
    toTheMarket: 'Zum Markt',
    forgetMySettingsAndBasket: 'Einstellungen und Korb vergessen und neu beginnen',
  },
  action: {
    somethingMovedInBetweenTrying: (more) =>
      `Inzwischen hat sich etwas geändert (${more}); neuer Versuch innerhalb Ihrer Grenzen.`,
    checkingThatItWillGo: 'Es wird geprüft, ob es gelingt…',
    waitingForYourWallet: 'Ihre Wallet ist dran…',
    theNodeIsAwaySoNothing: 'Das Netz antwortet nicht; gesendet wurde nichts. Versuchen Sie es gleich noch einmal.',
    sentWaitingForTheNetwork: 'Gesendet; das Netz ist dran…',
    copyTheTransactionHash: 'Transaktions-Hash kopieren',
    dismiss: 'Ausblenden',
    connectAWallet: 'Wallet verbinden',
    doesNotAnswerYetSo: (networkName) =>
      `${networkName} antwortet noch nicht, deshalb lässt sich nichts unterschreiben.`,
    yourWallet: 'Ihre Wallet',
    doesNotSignForSwitch: (more, networkName) =>
      `${more} unterschreibt nicht für ${networkName}. Wechseln Sie das Netz in der Wallet, oder wählen Sie hier ein anderes.`,
  },
  amounts: {
    baseUnits: (units) => `${units} Basiseinheiten`,
  },
  dialog: {
    close: 'Schließen',
  },
  fields: {
    unit: 'Einheit',
    readAs: (energy) => `Das sind ${energy}.`,
  },
  parts: {
    opening: 'Wird geöffnet…',
    you: 'Sie',
    copyTheAddress: 'Adresse kopieren',
    copied: 'Kopiert',
    showMore: (left) => `Mehr zeigen (noch ${left})`,
    theNodeIsAwaySo: (what) =>
      isClause(what)
        ? `Der Knoten ist weg; die App kann noch nicht lesen, ${what}.`
        : `Der Knoten ist weg; die App kann ${what} noch nicht lesen.`,
    reading: (what) => `Die App liest${isClause(what) ? ',' : ''} ${what}…`,
    notFound: 'Nicht gefunden',
    toTheMarket: 'Zum Markt',
  },
  time: {
    now: 'jetzt',
    today: 'heute',
    tomorrow: 'morgen',
    anyTime: 'jederzeit',
    ago: (time) => `vor ${dative(time)}`,
    expired: 'abgelaufen',
  },
  standard: {
    itSignsNoTransactionsFor: 'Sie unterschreibt keine Transaktionen für Apps.',
    itDoesNotConnectTo: 'Sie verbindet sich nicht mit Apps.',
    itSignsLegacyTransactionsOnly:
      'Sie unterschreibt nur Transaktionen alter Art, und MultiBus braucht Version 0. Bringen Sie die Wallet auf den neuen Stand, oder nehmen Sie eine andere.',
  },
  purchases: {
    openReceipt: 'Beleg',
    purchases: 'Käufe',
    yours: 'Ihre Käufe',
    nothing: (link) => <>Sie haben noch nichts gekauft. {link}</>,
    seeOffers: 'Sehen Sie, was im Angebot ist.',
    when: 'Gekauft',
    delivery: 'Lieferung',
    energy: 'Energie',
    paid: 'Bezahlt',
    receipt: 'Beleg',
    copyHash: 'Transaktions-Hash kopieren',
    baseUnits: (units) => `${units} Basiseinheiten`,
    csv: 'CSV',
    onAClosedBus: 'auf einem Bus, der geschlossen ist',
    showAll: 'Alle Käufe von der Chain zeigen',
    asking: 'Die Chain wird nach älteren Käufen gefragt…',
    progress: (read, all) => `Ältere Käufe: ${read} von ${all} Transaktionen gelesen…`,
  },
  names: {
    add: 'Eine Adresse benennen',
    address: 'Adresse',
    names: 'Namen',
    name: 'Dieser Adresse einen Namen geben',
    yourName: 'Ihr Name dafür',
    example: 'Anna, Nr. 4',
    staysHere: 'Er bleibt in diesem Browser; niemand sonst sieht ihn.',
    tooLong: (letters) => `Höchstens ${letters} Buchstaben.`,
    keep: 'Namen behalten',
    kept: (name) => `Der Name ${name} ist behalten.`,
    thisIsYou: 'Das ist Ihre eigene Adresse; sie heißt in dieser App „Sie“.',
    forget: 'Namen vergessen',
    none: 'Sie haben noch niemandem einen Namen gegeben. Der Stift neben einer Adresse gibt ihr einen.',
    import: 'Namen laden',
    export: 'Namen sichern',
    imported: (count) => `${counted(count, 'Name', 'Namen')} geladen.`,
    unreadable: (file) => `In ${file} sind keine Namen; wählen Sie eine Datei, die diese App gesichert hat.`,
  },
  dayStrip: {
    when: 'Wann brauchen Sie Strom?',
    now: 'Jetzt',
    hour: 'Nächste Stunde',
    tonight: 'Heute Abend',
    pick: 'Zeit wählen',
    any: 'Egal wann',
    closed: 'zu',
    nothing: 'nichts',
    pickOne: 'Wählen Sie unten eine Zeit.',
    whenever: 'Wann immer es am billigsten ist.',
    pricesAreIn: (unit) => `Preise in ${unit}.`,
    noWindowThen: 'Dann ist nichts im Angebot.',
    nothingThen: (time) => `${time}: nichts im Angebot.`,
    freeThen: (time, energy, price) => `${time}: ${energy} frei, ab ${price} je kWh.`,
  },
  sources: {
    unspecified: 'ohne Angabe',
    solar: 'Sonne',
    wind: 'Wind',
    hydro: 'Wasser',
    biomass: 'Biomasse',
    storage: 'Speicher',
  },
  live: { theChainStartedAnew: 'die Chain des Knotens hat neu begonnen' },
  follow: {
    endedASubscription: 'der Knoten hat ein Abonnement beendet',
    noSubscription: (seconds) => `der Knoten hat in ${seconds}\u00a0Sekunden kein Abonnement angenommen`,
    silent: (seconds) => `der Knoten ist seit ${seconds}\u00a0Sekunden still`,
  },
  listings: {
    owners: 'nur Eigentümer',
    admitted: 'Eigentümer und zugelassene Verkäufer',
    open: 'alle',
  },
  claim: {
    waitingForYou: 'Wartet auf Sie',
    whatItIs:
      'Das ließ sich nicht auszahlen, als es fällig war, etwa weil ein Tokenkonto geschlossen war. Holen Sie es, wann Sie wollen.',
    claims: 'Ansprüche',
    wentTo: (tokens, who) => (
      <>
        {tokens} gingen an {who}.
      </>
    ),
    closedBus: (address) => `Geschlossener Bus ${address}`,
    pull: 'Holen',
    payOut: 'Auszahlen',
    owed: 'Noch nicht ausgezahlt',
    whatIsOwed: 'Was sich nicht auszahlen ließ, wartet hier auf die Wallets, denen es gehört.',
    theBusIsNotKnown: 'Wer das schuldet, ist auf diesem Netz nicht mehr bekannt.',
    aBusPullsNothing: 'Ein Bus holt nichts von einem geschlossenen Bus; was ihm zusteht, bleibt dort.',
  },
  seller: {
    withdrawAll: 'Alles abheben',
    withdrewAll: (amounts) => <>Jetzt in Ihrer Wallet: {amounts}</>,
    moreIsLeftElsewhere: ' Mehr passte nicht in eine Transaktion; heben Sie noch einmal ab.',
    itsBooksAreOpen: 'Seine Lieferbücher sind offen; schließen Sie sie zuerst.',
    itsMeterIsRegistered: 'Sein Zähler ist eingetragen; der Betreiber oder der Verkäufer trägt ihn zuerst aus.',
    itOwesGridFees: 'Sein Tresor enthält Netzentgelte; zahlen Sie sie zuerst aus.',
    noGridFeesWait: 'Es warten keine Netzentgelte mehr.',
    waitsForReadings: 'Wartet auf Zählerstände',
    ofTheGrid: 'Für das Netz',
    theAccountIsClosed: 'Dieses Verkäuferkonto ist geschlossen.',
    thereIsNothingToWithdraw: 'Gerade gibt es nichts abzuheben.',
    withdrawYourOffersFirst: 'Ziehen Sie zuerst Ihre Angebote zurück.',
    whileSuspendedItStays: 'Das Konto eines gesperrten Verkäufers bleibt offen.',
    itWasUsedAMomentAgo: 'Es wurde eben benutzt; schließen Sie es in ein paar Minuten.',
    whatYouEarned: 'Was Sie verdient haben',
    moreIsLeft: (tokens) => <> Weitere {tokens} passten nicht in eine Transaktion; heben Sie noch einmal ab.</>,
    wentToTheTreasury: (tokens, more) => (
      <>
        {tokens} gingen in die Kasse.{more}
      </>
    ),
    withdrew: (tokens, more) => (
      <>
        {tokens} sind in Ihrer Wallet.{more}
      </>
    ),
    theAccountIsClosedAndItsRentWent: (payer) => (
      <>Das Verkäuferkonto ist geschlossen; seine Miete ging an {payer} zurück, woher sie kam.</>
    ),
    itsRentGoesTo: (payer) => <>Wird das Konto geschlossen, geht seine Miete an {payer}, woher sie kam.</>,
    closingEndsAdmission: 'Um hier wieder zu verkaufen, müssen Sie erneut zugelassen werden.',
    theAccountIsClosedIts: 'Das Verkäuferkonto ist geschlossen; seine Miete kam zurück.',
    paidElsewhere: (tokens, account, more) => (
      <>
        {tokens} sind auf dem Tokenkonto {account}.{more}
      </>
    ),
    theUsualIsBlocked:
      'Ihr übliches Tokenkonto kann jetzt kein Geld annehmen. Unter „Was Sie verdient haben“ können Sie auf ein anderes abheben.',
    someIsBlocked:
      ' Ein Teil ließ sich nicht auszahlen, weil Ihr übliches Konto kein Geld annimmt: Heben Sie ihn unter „Was Sie verdient haben“ ab.',
    suspended:
      'Sie sind auf diesem Bus als Verkäufer gesperrt und können nichts anbieten. Was Sie verdient haben, gehört Ihnen: Heben Sie es ab, wann Sie wollen. Bitten Sie die Eigentümer oder den Betreiber, Sie wieder zuzulassen.',
    notInTheTreasury: 'Noch nicht in der Kasse',
    yoursToWithdraw: 'Können Sie abheben',
    heldForLocks: 'Für Käufer hinterlegt',
    moveToTheTreasury: 'In die Kasse bringen',
    withdraw: 'Abheben',
    closeTheAccount: 'Verkäuferkonto schließen',
    closeForRent: (sol) => `Konto schließen, ${sol} kommen zurück`,
    sellers: 'Verkäufer',
    nobodySellsYet: 'Auf diesem Bus verkauft noch niemand.',
    ownersDecideIt: 'Eigentümer lassen Verkäufer durch einen Beschluss zu oder sperren sie, der Betreiber sofort.',
    isSuspended:
      'Der Verkäufer ist gesperrt. Was er schon anbietet, wird weiter verkauft, bis es zurückgezogen wird; das können auch Sie.',
    isAdmitted: 'Der Verkäufer ist zugelassen.',
    badgeSuspended: 'gesperrt',
    mayList: 'darf anbieten',
    notAdmitted: 'nicht zugelassen',
    offers: (count) => counted(count, 'Angebot', 'Angebote'),
    admit: 'Zulassen',
    suspend: 'Sperren',
    walletToAdmit: 'Wallet, die zugelassen wird',
    admittingPaysRent:
      'Die Zulassung öffnet ihr Verkäuferkonto; Sie zahlen die Miete und bekommen sie zurück, wenn es schließt.',
  },
  terms: {
    onPurchase: 'sofort beim Kauf',
    paid: (when) => `bezahlt ${when}`,
    onDelivery: 'für das, was geliefert wird',
    paidAtOnce: 'Der Verkäufer erhält das Geld sofort beim Kauf.',
    paidForDelivery: (time) =>
      `Sie zahlen jetzt, und Ihr Geld wartet. Der Verkäufer erhält es für das, was ein Zähler als geliefert meldet; was nicht geliefert wird, kommt zu Ihnen zurück, spätestens bis ${time}.`,
    paidForDeliveryInPart: (some, all, time) =>
      `Bei ${some} von ${all} Angeboten wartet Ihr Geld, bis ein Zähler gesagt hat, was geliefert wurde; was nicht geliefert wird, kommt zu Ihnen zurück, spätestens bis ${time}. Die anderen Verkäufer erhalten ihr Geld sofort.`,
    sixHours: '6\u00a0Stunden',
    threeDays: '3 Tage',
    aGridFee: 'ein Netzentgelt je kWh',
    theGridFeeIsAtMost: (amount) => `Das Netzentgelt kann höchstens ${amount} je kWh sein.`,
    deliveryNeedsWindows: 'Zahlung für das Gelieferte braucht Zeitfenster; wählen Sie deren Länge.',
    deliveryNeedsAnOperator:
      'Zahlung für das Gelieferte braucht einen Betreiber, der Zähler einträgt und abliest, wo einer schweigt; nennen Sie eine Wallet.',
    whenSellersArePaid: 'Verkäufer erhalten Geld',
    whatOnDeliveryIs:
      'Was Käufer zahlen, wartet, bis der Zähler des Verkäufers gesagt hat, was geliefert wurde. Der Rest geht an sie zurück.',
    whatOnPurchaseIs: 'Der Verkäufer erhält das Geld sofort, was auch immer geliefert wird.',
    readingDeadline: 'Zeit für den ersten Zählerstand',
    whatTheDeadlineIs: 'Nach dem Ende des Zeitfensters. Ohne Zählerstand gilt danach nichts als geliefert.',
    correctionTime: 'Zeit für Korrekturen',
    whatCorrectionIs:
      'Nach dem ersten Zählerstand eines Zeitfensters. Danach geht das Geld dorthin, wohin es nach ihm gehört.',
    gridFeePerKwh: 'Netzentgelt je kWh',
    noGridFee: 'keines',
    whatTheGridFeeIs: 'Käufer zahlen es zusätzlich zum Preis des Verkäufers; Preise werden mit ihm gezeigt.',
    whoGetsTheGridFee: 'Wer die Netzentgelte erhält',
  },
  delivery: {
    theReadings: 'die Zählerstände',
    deliveries: 'Lieferungen',
    boughtOrSold: 'Gekauft oder verkauft',
    bought: 'Gekauft',
    sold: 'Verkauft',
    deliveredForCertain: 'Sicher geliefert',
    heldUntilRead: 'Gehalten, bis die Zählerstände endgültig sind',
    comesBack: 'Kommt jetzt zu Ihnen zurück',
    cameBack: 'Kam zu Ihnen zurück',
    yoursNow: 'Gehört jetzt Ihnen',
    released: 'Für Sie freigegeben',
    getTheRefund: 'Zurückholen',
    theRefundIsPaid: 'Was nicht geliefert wurde, ist zurückgezahlt.',
    byWindow: 'Nach Zeitfenstern',
    window: 'Zeitfenster',
    promised: 'Versprochen',
    delivered: 'Geliefert',
    paid: 'Bezahlt',
    nothingWasSold: 'nichts wurde verkauft',
    earned: (tokens) => <>{tokens} verdient</>,
    toWithdraw: (tokens) => <>{tokens} zum Abholen</>,
    allDelivered: 'alles geliefert',
    refunded: (tokens) => <>{tokens} kamen zurück</>,
    toRefund: (tokens) => <>{tokens} zurückzuholen</>,
    held: (tokens) => <>{tokens} gehalten</>,
    waitsForReading: (time) => `wartet auf einen Zählerstand, bis ${time}`,
    canBeCorrected: (time) => `kann bis ${time} korrigiert werden`,
    waitsForAuction: 'wartet, bis die Auktion abgerechnet ist',
    isRunning: 'wird gerade geliefert',
    isAhead: 'noch nicht geliefert',
    chart: (windows, promised, delivered) =>
      `Versprochene und gelieferte Energie in ${counted(windows, 'Zeitfenster', 'Zeitfenstern')}: ${promised} versprochen, ${delivered} geliefert`,
    windowToRead: 'Zeitfenster zum Vorlesen',
    readout: (when, promised, delivered) => `${when}: ${promised} versprochen, ${delivered} geliefert`,
    readoutWaiting: (when, promised) => `${when}: ${promised} versprochen, noch kein Zählerstand`,
    nothingWasBought: 'In diesen Zeitfenstern wurde nichts gekauft.',
    nothingIsDueBack: 'Jetzt kommt nichts zu Ihnen zurück.',
    nothingToSettle: 'Hier wartet nichts mehr.',
    nothingToClose: 'Jetzt kann kein Lieferbuch geschlossen werden.',
    refundsGoThereAlready: 'Erstattungen gehen schon auf dieses Konto.',
    records: 'Lieferbücher',
    whatRecordsAre:
      'Sie halten fest, was in Zeitfenstern gekauft und verkauft wurde, die für das Gelieferte bezahlt werden. Wer die Miete eines Buchs bezahlt hat, bekommt sie zurück, wenn es schließt.',
    openRecords: 'Offen',
    rentBound: 'Miete, die später zurückkommt',
    closeRecords: (count) =>
      count === 1 ? 'Schließen, die Miete kommt zurück' : `${count} schließen, ihre Miete kommt zurück`,
    recordsAreClosed: 'Was sich schließen ließ, ist geschlossen; die Miete ist zurück.',
    whereRefundsGo: 'Wohin Erstattungen gehen',
    whatTheRefundAccountIs:
      'Erstattungen gehen auf das Tokenkonto, das zuerst bezahlt hat. Nennen Sie ein anderes, wo dieses nichts mehr annehmen kann.',
    anotherRefundAccount: 'Ein anderes Tokenkonto',
    useThisAccount: 'Dieses Konto nehmen',
    useMyOwnAccount: 'Das eigene meiner Wallet nehmen',
    refundsGoThereNow: 'Erstattungen gehen von jetzt an dorthin.',
    readings: 'Zählerstände',
    noReadingIsMissing: 'Jetzt fehlt kein Zählerstand.',
    toSettle: 'Endgültig und nicht ausgezahlt',
    soldInIt: (energy) => `verkaufte ${energy}`,
    missingUntil: (time) => `fehlt, bis ${time}`,
    readUntil: (energy, time) => `${energy}, endgültig ${time}`,
    bringASignedReading: 'Einen unterschriebenen Zählerstand bringen',
    signedReading: 'Unterschriebener Zählerstand',
    whereItComesFrom:
      'Fügen Sie ein, was `multibus meter sign` geschrieben hat. Alle dürfen ihn bringen; sein Gerät hat ihn unterschrieben.',
    bringIt: 'Bringen',
    thisIsNoReading:
      'Das ist kein unterschriebener Zählerstand; fügen Sie alles ein, was `multibus meter sign` geschrieben hat.',
    theReadingIsOfAnotherProgram: 'Dieser Zählerstand ist für ein anderes Programm als das dieser App.',
    readIt: 'Ablesen',
    correctIt: 'Korrigieren',
    whatWasDelivered: 'Was geliefert wurde',
    readingsLeft: (count) =>
      `Sie dürfen dieses Zeitfenster noch ${count === 1 ? 'einmal' : `${count}-mal`} ablesen; nach Ihrer ersten Ablesung zählt der Zähler nicht mehr.`,
    theDeviceCannot: (energy) => `Das Gerät kann in diesem Zeitfenster nicht mehr als ${energy} liefern.`,
    report: 'Melden',
    readingIsTaken: (energy) => `Der Zählerstand ist aufgenommen: ${energy}.`,
    toPayOut: (seller, buyers) => (
      <>
        {seller} für den Verkäufer, {buyers} zurück an Käufer
      </>
    ),
    settle: 'Allen auszahlen',
    isSettled: 'Ausgezahlt: Der Teil des Verkäufers ist freigegeben, und was nicht geliefert wurde, ging zurück.',
  },
  certificate: {
    certificates: 'Herkunftsnachweise',
    whatTheyAre:
      'Jeder sagt, welches Gerät wann wie viel Energie geliefert hat. Behalten Sie ihn, geben Sie ihn weiter oder entwerten Sie ihn, was niemand zweimal kann.',
    yours: 'Ihre Herkunftsnachweise',
    toTake: 'Herkunftsnachweise zum Abholen',
    takesRent: (sol) => `Ein Nachweis bindet ${sol} als Miete, die zurückkommt, wenn er entwertet wird.`,
    notSold: 'nicht verkauft',
    take: 'Abholen',
    isTaken: (energy) => `Sie haben den Nachweis über ${energy}.`,
    give: 'Weitergeben',
    giveIt: 'Nachweis weitergeben',
    retire: 'Entwerten',
    retireIt: 'Nachweis entwerten',
    energy: 'Energie',
    produced: 'Geliefert',
    source: 'Quelle',
    device: 'Gerät',
    howMuch: 'Wie viel davon',
    aPartBecomesItsOwn: 'Ein Teil wird ein eigener Nachweis.',
    itIsFor: (energy) => `Er gilt für ${energy}; geben Sie höchstens so viel weiter.`,
    toWhichWallet: 'An welche Wallet',
    isGiven: (energy, who) => (
      <>
        {energy} gingen an {who}.
      </>
    ),
    whatRetiringIs: 'Wer ihn entwertet, verbraucht ihn endgültig für jemanden. Seine Miete kommt zurück.',
    forWhom: 'Für wen',
    everybodyCanReadIt: 'Alle können diesen Namen lesen.',
    isRetired: (energy, who) => `Der Nachweis über ${energy} ist für ${who} entwertet.`,
    theBookIsClosed: 'Das Lieferbuch des Verkäufers ist geschlossen, und damit ist die Zeit für Nachweise vorbei.',
    sayForWhom: 'Sagen Sie, für wen er entwertet wird.',
    atMost64Bytes: (length) => `Höchstens 64\u00a0Byte; das hat ${length}.`,
  },
  meter: {
    meters: 'Zähler',
    whatTheOperatorDoes:
      'Sie tragen das Gerät ein, das misst, was ein Verkäufer liefert. Ohne eines bietet niemand an, wo für das Gelieferte gezahlt wird.',
    theOperatorRegisters: 'Der Betreiber trägt die Geräte ein, die messen, was Verkäufer liefern.',
    none: 'kein Zähler',
    upTo: (power) => `bis ${power}`,
    unit: 'kW',
    kw: (decimal) => `${decimal}\u00a0kW`,
    register: 'Eintragen',
    replace: 'Ersetzen',
    takeAway: 'Austragen',
    isTakenAway: 'Der Zähler ist ausgetragen. Zeitfenster, für die mit ihm angeboten wurde, behalten ihn.',
    retired: (count) => `${counted(count, 'Gerät misst', 'Geräte messen')} nichts mehr.`,
    closeThem: 'Die Miete zurückholen',
    theirRentIsBack: 'Sie sind geschlossen; die Miete ist zurück.',
    registerAMeter: 'Einen Zähler eintragen',
    replaceTheDevice: 'Das Gerät ersetzen',
    forSeller: (who) => <>Für {who}.</>,
    whatReplacingDoes: 'Zeitfenster mit Angeboten behalten das alte Gerät; spätere haben das neue.',
    source: 'Was es misst',
    power: 'Leistung',
    whatPowerIs: 'Das Höchste, was das Gerät liefern kann. Mehr kann weder angeboten noch geglaubt werden.',
    validFrom: (time) => `Es misst Zeitfenster ab ${time}.`,
    theDevicesKey: 'Der Schlüssel des Geräts',
    whyItSigns:
      'Das Gerät unterschreibt seine Eintragung, damit niemand ein fremdes einträgt. Seine Schlüsseldatei wird in diesem Browser gelesen, unterschreibt diese eine Transaktion und wird nirgends behalten.',
    chooseTheKeyFile: 'Die Schlüsseldatei wählen',
    keyFile: 'Schlüsseldatei des Geräts',
    withoutGivingTheKey: 'Ohne den Schlüssel einem Browser zu geben',
    whereTheKeyIs: 'Führen Sie das dort aus, wo der Schlüssel ist, mit der Wallet des Betreibers:',
    copyTheCommand: 'Den Befehl kopieren',
    takesRent: (sol) => `Sie zahlen ${sol} als Miete, die zurückkommt, wenn der Zähler ausgetragen wird.`,
    isRegistered: 'Das Gerät ist jetzt der Zähler des Verkäufers.',
    thisIsNoKeyFile:
      'Das ist keine Schlüsseldatei: Sie hat 64 Zahlen zwischen Klammern. Wählen Sie die Datei mit dem Schlüssel des Geräts.',
    aPower: 'eine Leistung',
    kilowatts: 'Kilowatt',
    typeAPowerAboveZero: 'Geben Sie eine Leistung über null ein.',
    thatIsTooMuch: 'Das ist mehr, als ein Gerät haben kann.',
  },
  rates: {
    showValues: 'Wert in meiner Währung zeigen',
    currency: 'Währung',
    aRate: 'einen Kurs',
    oneTokenIs: (token) => `1 ${token} ist so viel wert`,
    whatARateIs: 'Den Kurs geben Sie an; er bleibt in diesem Browser. Bezahlt wird nur in Token.',
  },
  places: {
    favourite: 'Favorit',
    beginHere: 'Hier beginnen',
  },
  welcome: {
    title: 'Energie von Ihren Nachbarn',
    whatItIs:
      'Hier kaufen und verkaufen Nachbarn Strom untereinander. Sie sehen den genauen Preis, bevor Sie zahlen, und jeder Kauf geschieht einmal.',
    chooseYourNeighbourhood: 'Nachbarschaft wählen',
    neighbourhood: 'Nachbarschaft',
    theMarketBeginsThere: 'Eine Nachbarschaft heißt hier Bus. Der Markt beginnt von nun an bei Ihrem.',
    chooseAWallet: 'Wallet wählen',
    whatAWalletIs: 'Eine Wallet hält Ihr Geld und unterschreibt für Sie. Diese App hat Ihre Schlüssel nie.',
    buy: 'Sagen, wann und wie viel',
    howBuyingGoes: 'Die besten Angebote werden zusammengestellt, und Sie sehen vor dem Unterschreiben, was sie kosten.',
    begin: 'Ansehen, was im Angebot ist',
  },
  energyCard: {
    title: 'Gekauft und verkauft',
    howLong: 'Wie lange',
    day: 'Tag',
    week: 'Woche',
    month: 'Monat',
    before: 'Davor',
    after: 'Danach',
    whatYouTraded: 'was Sie gekauft und verkauft haben',
    nothingThen: 'Sie haben da nichts gekauft oder verkauft.',
    spent: 'Ausgegeben',
    earned: 'Verdient',
    forYou: 'Für Sie',
    withoutHoldingFees: 'Gebühren für gehaltene und zurückgegebene Energie zählen hier nicht mit.',
    released: 'Freigegeben oder zurückgekommen',
    held: 'Gehalten, bis der Zähler abgelesen ist',
    chart: (side, energy, bars) => `${side}: ${energy} in ${counted(bars, 'Balken', 'Balken')}`,
    barToRead: 'Balken zum Vorlesen',
    readout: (when, energy, mix) => `${when}: ${energy}${mix === '' ? '' : ` (${mix})`}`,
    fromWhom: 'Von wem',
    toWhom: 'An wen',
    nothingBought: 'Sie haben da nichts gekauft.',
    nothingSold: 'Sie haben da nichts verkauft.',
    notKnown: 'nicht mehr bekannt',
  },
  pastDecisions: {
    show: 'Frühere Beschlüsse zeigen',
    asking: 'Die Chain wird nach früheren Beschlüssen gefragt…',
    progress: (read, all) => `Frühere Beschlüsse werden gelesen: ${read} von ${all} Transaktionen…`,
    none: 'Früher wurde nichts beschlossen.',
    decided: 'Frühere Beschlüsse',
    approved: (time) => (time === '' ? 'hat zugestimmt' : `hat zugestimmt, ${time}`),
    carriedOut: (time, who) => (
      <>
        Ausgeführt {time} von {who}.
      </>
    ),
  },
  waiting: {
    refund: (amount) => `${amount} kommen zu Ihnen zurück, für Energie, die nicht geliefert wurde.`,
    approve: (what, bus) => `${bus}: „${what}“ wartet auf Ihre Zustimmung.`,
    carryOut: (what, bus) => `${bus}: „${what}“ ist beschlossen und kann ausgeführt werden.`,
    withdraw: (amount, bus) => `${amount}, die Sie auf ${bus} verdient haben, können Sie abheben.`,
    share: (amount, bus) => `${amount} sind Ihr Anteil an dem, was ${bus} verdient hat.`,
    claim: (amount) => `${amount} konnten Ihnen nicht ausgezahlt werden und warten.`,
    lockEnds: (energy, bus) =>
      `${energy}, die Sie auf ${bus} halten, sind bald wieder frei. Kaufen Sie sie, oder geben Sie sie zurück.`,
    lockIsOver: (amount, bus) =>
      `Ihre Hinterlegung von ${amount} auf ${bus} wartet: Geben Sie zurück, was Sie gehalten haben.`,
    ended: (count, bus) =>
      `${offers(count)} von Ihnen auf ${bus} ${count === 1 ? 'ist' : 'sind'} zu Ende. Schließen bringt die Miete zurück.`,
    whatWaits: 'was auf Sie wartet',
    waits: 'Dinge warten auf Sie',
    several: (count) => `${count} Dinge warten auf Sie.`,
    nothing: 'Nichts wartet auf Sie.',
    lookAndDecide: 'Ansehen und entscheiden',
    isClaimed: 'Ihr Anteil ist in Ihrer Wallet.',
    isClosed: 'Was in eine Transaktion passt, ist geschlossen.',
    closeThem: (count) => (count === 1 ? 'Schließen' : 'Alle schließen'),
    tellMe: 'Mich benachrichtigen, wenn etwas wartet',
    tellNoMore: 'Nicht mehr benachrichtigen',
    theBrowserRefuses: 'Ihr Browser erlaubt keine Mitteilungen dieser Seite; ändern Sie das in seinen Einstellungen.',
    readings: (count, bus) =>
      `${counted(count, 'Zeitfenster wartet', 'Zeitfenster warten')} auf ${bus} auf einen Zählerstand.`,
    readThem: 'Zähler ablesen',
    bids: (count, bus) =>
      `${counted(count, 'Gebot', 'Gebote')} von Ihnen auf ${bus} ${count === 1 ? 'ist' : 'sind'} entschieden: Holen Sie, was Sie gekauft haben und was zurückkommt.`,
    certificates: (count) => `Sie können ${counted(count, 'Herkunftsnachweis', 'Herkunftsnachweise')} abholen.`,
    takeThem: 'Ansehen, was Sie abholen können',
  },
  auction: {
    auction: 'Auktion',
    bid: 'Bieten',
    bidFor: (energy) => `Auf ${energy} bieten`,
    window: 'Zeitfenster',
    forWhichWindow: 'Für welches Zeitfenster',
    phases: {
      off: 'ohne Auktion',
      trading: 'offen',
      closing: 'letzte Minuten',
      fixed: 'wartet auf den Preis',
      cleared: 'entschieden',
      over: 'fand nicht statt',
    },
    noAuction: 'Keine Auktion schließt dieses Zeitfenster; kaufen Sie von seinen Angeboten.',
    belowTheBasePrice: (amount) =>
      `Bieten Sie mindestens ${amount} je kWh: den Mindestpreis des Busses und dazu das Netzentgelt.`,
    tooLarge: (energy) =>
      `Ein Gebot kann auf höchstens ${energy} lauten: alles, was dieses Zeitfenster verkaufen darf.`,
    tooSmall: (energy) => `Dieser Bus nimmt Gebote ab ${energy}.`,
    tooMuch: 'Das ist mehr, als eine Hinterlegung sein kann; bieten Sie weniger.',
    nothingToSettle: 'Gerade gibt es nichts abzurechnen; vielleicht hat es eben jemand anderes getan.',
    theBookIsNotKnown:
      'Hier sind noch nicht alle Aufträge dieses Zeitfensters bekannt; versuchen Sie es gleich noch einmal.',
    theBookIsNotFixed:
      'Das Buch dieses Zeitfensters steht jetzt nicht fest: Sein Handelsschluss kommt noch, oder seine Auktion ist vorbei.',
    nobodyBidsOrOffers: 'Für dieses Zeitfenster bietet noch niemand, und niemand bietet Energie an.',
    curves: (wanted, offered, volume, price) =>
      `${wanted} gesucht und ${offered} angeboten; die Kurven kreuzen sich bei ${volume} und ${price} je kWh.`,
    curvesWithoutCrossing: (wanted, offered) =>
      `${wanted} gesucht und ${offered} angeboten; die Kurven kreuzen sich nicht.`,
    wanted: 'Gesucht zu diesem Preis oder darüber',
    offered: 'Angeboten zu diesem Preis oder darunter',
    perKwh: 'Je kWh',
    asATable: 'Als Tabelle',
    priceToRead: 'Preis zum Ablesen',
    atAPrice: (price, wanted, offered) => `Bei ${price} je kWh: ${wanted} gesucht, ${offered} angeboten.`,
    decidedIn: (time, countdown) => (
      <>
        Entscheidung: {time} (noch {countdown}).
      </>
    ),
    untilThen: (time) =>
      `Bis dahin verkaufen Angebote wie sonst; was übrig ist, geht an die Gebote, zu einem Preis für alle. Ab ${time} kommen Gebote und Angebote nur hinzu und werden nicht zurückgezogen.`,
    lastMinutes:
      'Das sind die letzten fünf Minuten: Gebote und Angebote kommen hinzu oder werden besser und werden nicht zurückgezogen.',
    isFixed: (time) =>
      `Das Auftragsbuch steht fest: Nichts darin ändert sich, bis jemand den Preis beweist. Hat das bis ${time} niemand getan, gehen alle Gebote zurück.`,
    nobodyBid: 'Für dieses Zeitfenster hat niemand geboten; es gab keine Auktion.',
    nobodyOffered:
      'Als das Zeitfenster schloss, war nichts im Angebot; es gab keine Auktion. Alle Gebote gehen zurück.',
    nobodyProved: 'Niemand hat den Preis binnen eines Tages bewiesen; alle Gebote gehen zurück.',
    orders: (bids, wanted, asks, offered) =>
      `${counted(bids, 'Gebot', 'Gebote')} auf ${wanted}, ${offers(asks)} über ${offered}.`,
    nothingWouldBeSold: 'Endete sie jetzt, würde nichts verkauft: Kein Gebot trifft ein Angebot.',
    ifItEndedNow: (price, energy) => (
      <>
        Endete sie jetzt: {energy} für {price} je kWh, für alle.
      </>
    ),
    price: 'Preis für alle, je kWh',
    volume: 'Verkauft',
    rationing: 'Zu diesem Preis',
    allInFull: 'bekamen alle das Ganze',
    bidsGetAPart: (some, all) => `teilen sich Gebote ${some} von ${all}`,
    asksGetAPart: (some, all) => `teilen sich Verkäufer ${some} von ${all}`,
    read: 'Geliefert',
    readOf: (some, all) => `bisher abgelesen: ${some} von ${all}`,
    deliveredOf: (some, all) => `${some} von ${all}`,
    nothingWasSold: 'Kein Gebot traf ein Angebot; nichts wurde verkauft.',
    whatProvingIs: 'Jeder kann den Preis beweisen: Die Chain zählt alle Aufträge und nimmt nur den richtigen Preis an.',
    costsAFee: 'Es kostet Sie eine Chain-Gebühr.',
    takesTransactions: (orders, transactions) =>
      `${orders} Aufträge brauchen ${transactions} Transaktionen und je eine Chain-Gebühr; Ihre Wallet unterschreibt bis zu zehn auf einmal. Sie können aufhören und später weitermachen: Was gezählt ist, bleibt gezählt.`,
    ordersCounted: (some, all) => `${some} von ${all} Aufträgen sind gezählt.`,
    proveThePrice: 'Den Preis beweisen',
    priceIsProven: 'Der Preis ist bewiesen. Jeder Auftrag kann jetzt abgerechnet werden.',
    somebodyElseProved: 'Jemand anderes hat den Preis bewiesen. Jeder Auftrag kann jetzt abgerechnet werden.',
    countIsLeftOver:
      'Ihre eigene Zählung dieser Aufträge wird nicht mehr gebraucht. Schließen Sie sie, und ihre Miete gehört wieder Ihnen.',
    closeTheCount: 'Die Zählung schließen',
    countIsClosed: 'Die Zählung ist geschlossen, und ihre Miete gehört wieder Ihnen.',
    comesToNothing:
      'Alle Aufträge zusammen, wie Ihr Browser sie zählt: Kein Gebot trifft ein Angebot, also wird nichts verkauft.',
    comesTo: (price, energy) => (
      <>
        Alle Aufträge zusammen, wie Ihr Browser sie zählt: {energy} für {price} je kWh, für alle.
      </>
    ),
    toSettle: (count) =>
      `${counted(count, 'Zahlung kann', 'Zahlungen können')} abgerechnet werden. Jeder kann das tun, für alle.`,
    settle: 'Abrechnen',
    aPartIsSettled: 'Was in eine Transaktion passt, ist abgerechnet.',
    whatCheckingIs: 'Sie müssen niemandem glauben: Ihr Browser rechnet den Preis aus den Aufträgen aus.',
    checkItYourself: 'Selbst nachrechnen',
    historyIsUntold: 'Der Knoten hat die Geschichte dieses Zeitfensters nicht mehr; hier kann es niemand nachrechnen.',
    nothingSold: 'nichts verkauft',
    atThePrice: (energy, price) => `${energy} zu ${price} je kWh`,
    fromAccounts: (bids, asks) =>
      `Gerechnet aus ${counted(bids, 'Gebot', 'Geboten')} und ${counted(asks, 'Angebot', 'Angeboten')}, wie sie auf der Chain stehen.`,
    fromHistory: (bids, asks) =>
      `Gerechnet aus ${counted(bids, 'Gebot', 'Geboten')} und ${counted(asks, 'Angebot', 'Angeboten')}, wie die Geschichte der Chain sie kennt.`,
    isEqual: (result) => `Gleich: ${result}, wie die Chain sagt.`,
    isDifferent: (computed, told) => `Nicht gleich: Die Aufträge ergeben ${computed}; die Chain sagt ${told}.`,
    whatABidIs:
      'Sagen Sie, was Ihnen Energie wert ist. Bei Handelsschluss wird ein Preis für alle gefunden; Sie zahlen nie mehr als Ihre Grenze.',
    noWindowToBidFor: 'Gerade nimmt kein Zeitfenster Gebote an.',
    withdrawUntil: (time) => `Sie können das Gebot bis ${time} zurückziehen.`,
    noWithdrawalNow: 'In den letzten fünf Minuten vor dem Handelsschluss können Gebote nicht zurückgezogen werden.',
    howMuch: 'Wie viel Sie möchten',
    atMost: (energy) => `Höchstens ${energy}.`,
    theMostPerKwh: 'Das Höchste, was Sie je kWh zahlen',
    allIncluded: 'Alles inbegriffen.',
    feeIncluded: (amount) => `Mit dem Netzentgelt von ${amount}, das Sie in jedem Fall zahlen.`,
    deposit: 'Hinterlegung',
    whatComesBack:
      'Sie hinterlegen das Höchste, was es kosten kann. Was die Auktion nicht nimmt, kommt zurück, wenn Ihr Gebot abgerechnet wird.',
    whatOnDeliveryMeans: (time) =>
      `Der Rest wartet auf die Zähler: Was nicht geliefert wird, kommt auch zurück, spätestens ${time}.`,
    nothingMeetsYou: 'Endete sie jetzt, bekämen Sie nichts: Niemand bietet zu Ihrem Preis an.',
    wouldGetNothing: (price) => <>Endete sie jetzt, bekämen Sie nichts: Der Preis wäre {price} je kWh.</>,
    wouldGet: (energy, price, paid) => (
      <>
        Endete sie jetzt, bekämen Sie {energy} für {paid}, zu {price} je kWh.
      </>
    ),
    bidAndLane: 'Ihres Gebots',
    bidIsMade: (energy, limit, time, link) => (
      <>
        Sie bieten auf {energy}, bis {limit} je kWh. Entscheidung: {time}; zu sehen unter {link}.
      </>
    ),
    yourBids: 'Ihre Gebote',
    upTo: (limit, deposit) => (
      <>
        bis {limit} je kWh, hinterlegt {deposit}
      </>
    ),
    getIt: 'Holen, was Ihnen gehört',
    withdraw: 'Gebot zurückziehen',
    closeWithoutCertificate: 'Ohne Nachweis schließen',
    toTheAuction: 'Zur Auktion',
    isRefunded: 'Was zurückkam, ist in Ihrer Wallet.',
    gotNothing: (back) => <>Die Auktion gab Ihnen nichts; {back} kommen zurück.</>,
    got: (energy, paid, back) => (
      <>
        Sie bekommen {energy} für {paid}; {back} kommen zurück.
      </>
    ),
    filled: (energy, paid) => (
      <>
        Sie bekamen {energy} für {paid}.
      </>
    ),
    waitsForTheMeters: (time) =>
      `Ihre Zahlung wartet auf die Zähler aller Verkäufer dieser Auktion, spätestens bis ${time}.`,
    comesBack: (back) => <>{back} kommen zurück für das, was nicht geliefert wurde.</>,
    refunded: (delivered, allotted, paid) => (
      <>
        {delivered} von {allotted} wurden geliefert; Sie zahlten {paid}.
      </>
    ),
    certificateWaits: 'Sie können dafür einen Herkunftsnachweis abholen.',
    lastMinutesOfBid: 'In den letzten fünf Minuten kann es nicht zurückgezogen werden.',
    bidIsWithdrawn: (deposit) => <>Das Gebot ist zurückgezogen; {deposit} sind wieder in Ihrer Wallet.</>,
    bidIsClosed: 'Das Gebot ist geschlossen, und seine Miete gehört wieder Ihnen.',
    paysToTheUsual:
      'Das Tokenkonto, das dieses Gebot nennt, ist geschlossen, eingefroren oder nicht mehr Ihres. Was zurückkommt, geht stattdessen auf Ihr übliches Tokenkonto.',
    paysNowhere:
      'Weder das Tokenkonto, das dieses Gebot nennt, noch Ihr übliches kann jetzt Geld annehmen: geschlossen, eingefroren, oder es verlangt einen Vermerk. Nennen Sie unten ein anderes. Sonst wird das Geld für Sie verwahrt: im Gebot, und sobald es schließt, als Forderung.',
    bought: (energy, limit) => `Gebot auf ${energy}, bis ${limit} je kWh`,
    states: {
      open: 'noch nicht entschieden',
      withdrawn: 'zurückgezogen',
      nothing: 'bekam nichts; die Hinterlegung ist zurück',
      waits: 'wartet auf die Zähler',
      final: 'abgerechnet',
    },
    inAuction: 'In der Auktion',
    asks: (energy, time) => `${energy} davon gehen in die Auktion (${time}).`,
    asksNothing: (time) => `Nichts davon geht in die Auktion (${time}): Es endet vorher oder ist verkauft.`,
    askWaits: 'Es ist in der Auktion und wartet auf den Preis.',
    askSells: (energy, price) => (
      <>
        Die Auktion verkauft {energy} davon für {price} je kWh. Rechnen Sie ab, um bezahlt zu werden.
      </>
    ),
    askGetsNothing: 'Die Auktion verkauft nichts davon: Der Preis ist niedriger. Sie können es zurückziehen.',
    askIsSettled: 'Die Auktion ist abgerechnet. Sie können zurückziehen, was übrig ist.',
    cannotNow: {
      lastMinutes: 'In den letzten fünf Minuten vor dem Handelsschluss wird nichts zurückgezogen.',
      fixed: 'Das Auftragsbuch der Auktion steht fest, bis ihr Preis bewiesen ist; jetzt wird nichts zurückgezogen.',
      unsettled: 'Die Auktion schuldet diesem Angebot einen Verkauf; rechnen Sie ihn zuerst ab.',
    },
    settleTheAsk: 'Verkauf abrechnen',
    saleIsSettled: 'Der Verkauf ist abgerechnet.',
    onlyLower: 'In den letzten fünf Minuten vor dem Handelsschluss geht der Preis nur nach unten.',
    onlyLater: 'In den letzten fünf Minuten vor dem Handelsschluss wird das Angebot nur verlängert.',
    noPriceAfterTheGate: 'Nach dem Handelsschluss behält ein Angebot seinen Preis.',
    leftGoesIntoIt: (time) =>
      `Was bis ${time} nicht verkauft ist, geht in die Auktion, die das Zeitfenster schließt, zu Ihrem Preis oder darüber. In den letzten fünf Minuten davor wird nichts zurückgezogen.`,
    termsLabel: 'Auktion',
    closesEachWindow: 'Eine Auktion schließt jedes Zeitfenster',
    whatTheAuctionIs:
      'Bis zum Handelsschluss bieten Nachbarn, was ihnen Energie wert ist; dann wird, was übrig ist, zu einem Preis verkauft, den die Chain prüft.',
    needsWindows: 'Eine Auktion schließt Zeitfenster; wählen Sie deren Länge.',
    needsTime:
      'Mit einer Auktion dauern die Zeit nach dem Handelsschluss und das Zeitfenster zusammen mindestens 15\u00a0Minuten; machen Sie eines davon länger.',
    withAuction: 'mit Auktion',
    withoutAuction: 'ohne Auktion',
    receipt: 'Genau einmal geboten',
    bidFor2: 'Gebot auf',
    limit: 'Höchstens je kWh',
    outcome: 'Was daraus wurde',
    howItsAuctionWent: 'Wie die Auktion ausging',
  },
  payee: {
    usualIsMissing:
      'Sie haben kein Konto für diesen Token, oder es wurde geschlossen. Es wird hiermit geöffnet, für eine kleine Miete in SOL, die zurückkommt, wenn Sie es schließen.',
    usualIsBlocked:
      'Ihr übliches Tokenkonto kann jetzt kein Geld annehmen: Der Herausgeber des Tokens hat es eingefroren, es gehört Ihnen nicht mehr, oder es verlangt einen Vermerk. Nennen Sie ein anderes Konto; ohne eines bleibt das Geld Ihres, wo es ist.',
    payElsewhere: 'Auf ein anderes Konto zahlen',
    whatElsewhereIs:
      'Jedes Tokenkonto dieses Tokens kann das Geld bekommen, auch ein fremdes. Was dorthin geht, gehört Ihnen nicht mehr; prüfen Sie also die Adresse. Bleibt das Feld leer, geht es auf Ihr eigenes.',
    accountToPay: 'Tokenkonto, das das Geld bekommt',
    theAccountCannotBePaid:
      'Das ist kein Tokenkonto dieses Tokens, das Geld annehmen kann: Es fehlt, ist eingefroren, gehört zu einem anderen Token oder verlangt einen Vermerk.',
    isPaidThere: 'Es liegt auf dem Tokenkonto, das Sie genannt haben.',
  },
  auctionErrors: {
    auctionWithoutWindows:
      'Eine Auktion schließt Zeitfenster; geben Sie den Bedingungen Zeitfenster, oder keine Auktion.',
    auctionTooShort:
      'Mit einer Auktion dauern die Zeit nach dem Handelsschluss und das Zeitfenster zusammen mindestens 900 s; machen Sie eines davon länger.',
    auctionOff: 'Keine Auktion schließt dieses Zeitfenster; kaufen Sie von seinen Angeboten.',
    limitBelowBase:
      'Die Grenze des Gebots ohne das Netzentgelt liegt unter dem Mindestpreis des Busses; bieten Sie mehr.',
    bidTooLarge: 'Das Gebot ist auf mehr Energie, als das Zeitfenster verkaufen darf; bieten Sie auf weniger.',
    bidsFull: 'Das Zeitfenster hat 2^20 Gebote; bieten Sie in einem anderen, oder kaufen Sie von seinen Angeboten.',
    escrowMismatch: 'Das Treuhandkonto ist nicht das des Busses; nehmen Sie das, das der Bus nennt.',
    lastMinutes:
      'In den letzten 300\u00a0s vor dem Handelsschluss kommen Gebote und Angebote nur hinzu oder werden besser; warten Sie, bis die Auktion vorbei ist.',
    bookFixed:
      'Das Auftragsbuch der Auktion steht fest; nichts darin ändert sich, bis ihr Preis bewiesen ist oder bis 24\u00a0Stunden nach dem Handelsschluss.',
    auctionNotOver:
      'Die Auktion ist nicht vorbei; warten Sie, bis ihr Preis bewiesen ist und die Aufträge dieses Verkäufers abgerechnet sind, oder bis 24\u00a0Stunden nach dem Handelsschluss.',
    auctionNotCleared: 'Der Preis der Auktion ist nicht bewiesen; beweisen Sie ihn zuerst.',
    auctionNotFixed:
      'Das Zeitfenster hat kein feststehendes Auftragsbuch: Es ist noch offen, die Auktion ist vorbei, oder es hat kein Gebot oder kein Angebot.',
    pricesReversed:
      'Der untere Preis liegt über dem oberen; nennen Sie den niedrigsten und den höchsten Preis, die das Buch räumen, in dieser Reihenfolge.',
    orderForeign: 'Das Konto ist weder ein Gebot noch ein Angebot dieses Zeitfensters; zählen Sie nur diese.',
    orderNotAscending:
      'Die Aufträge kommen nicht in aufsteigender Reihenfolge ihrer Adressen nach dem letzten; ordnen Sie sie, oder beginnen Sie den Beweis neu.',
    ordersMissing:
      'Nicht alle Gebote und Angebote des Zeitfensters sind gezählt; zählen Sie den Rest, oder beginnen Sie den Beweis neu.',
    priceWrong: 'Die genannten Preise räumen das gezählte Buch nicht; beginnen Sie den Beweis mit den richtigen neu.',
    clearingInUse: 'Der Beweis ist im Gang und gehört einer anderen Wallet; warten Sie, bis die Auktion vorbei ist.',
    clearingMismatch:
      'Der Beweis ist von einem anderen Zeitfenster oder einer anderen Wallet; nehmen Sie deren eigene Konten.',
    bidBuyerMismatch: 'Das Gebot gehört einer anderen Wallet; nehmen Sie die, die das Gebot nennt.',
    askUnsettled: 'Die Auktion schuldet diesem Angebot einen Verkauf; rechnen Sie ihn zuerst ab (das kann jeder).',
    askSettled: 'Die Auktion hat dieses Angebot schon abgerechnet.',
    orderGetsNothing: 'Die Auktion verkauft nichts von diesem Angebot, es ist also frei; ziehen Sie es zurück.',
    nothingToSettle:
      'Bei diesem Gebot ist jetzt nichts zu zahlen oder zurückzugeben; warten Sie, oder schließen Sie es als sein Käufer.',
    poolIncomplete:
      'Noch nicht alle Verkäufer der Auktion haben ihr Zeitfenster gemeldet; die Rückzahlung folgt, sobald alle gezählt sind.',
    poolOpen:
      'Das Lieferbuch hat ein Zeitfenster, dessen Teil der Auktion nicht gemeldet oder nicht bezahlt ist; melden Sie ihn zuerst (das kann jeder).',
    nothingToReport: 'Der Teil der Auktion dieses Verkäufers ist gemeldet und bezahlt, oder es gibt keinen.',
    windowHasBids: 'Gebote dieses Zeitfensters sind noch offen; rechnen Sie sie zuerst ab (das kann jeder).',
    escrowAccountsMissing:
      'Was die Rundung der Auktion übrig ließ, geht in die Kasse; geben Sie Treuhandkonto, Kasse und Token-Programm nach den anderen Konten an.',
  },
  closing: {
    books: 'Offene Lieferbücher',
    meters: 'Eingetragene Zähler',
    closing: 'schließt',
    closed: 'geschlossen',
    thisBusIsClosing: 'Dieser Bus schließt',
    offers: 'Offene Angebote',
    locks: 'Gehaltene Energie',
    bids: 'Offene Gebote',
    sellers: 'Offene Verkäuferkonten',
    windows: 'Offene Zeitfenster',
    decisions: 'Offene Beschlüsse',
    formerOwners: 'Auszuzahlende frühere Eigentümer',
    anyoneCanClose: 'Jeder kann Schritt für Schritt schließen, was vorbei ist.',
    nothingElseIsOpen:
      'Sonst ist nichts offen: Der Bus kann schließen. Was in seiner Kasse ist, wird unter den Eigentümern geteilt, die es holen, wann sie wollen.',
    closeTheBus: 'Bus endgültig schließen',
    closeWhatCanBe: 'Schließen, was geht',
    theBusIsClosed: 'Der Bus ist geschlossen.',
    aPartIsClosed: 'Ein Teil davon ist geschlossen.',
    closedOn: (time) =>
      `Dieser Bus ist endgültig geschlossen (${time}). Er handelt nicht mehr; was er schuldet, lässt sich weiter auszahlen.`,
    creator: 'Angelegt von',
    owed: 'Was er noch schuldet',
    allIsPaid: 'Alles ist ausgezahlt.',
    whatItMeans:
      'Seine Eigentümer haben beschlossen, ihn zu schließen. Auf ihm öffnet nichts mehr, und nichts wird mehr verkauft; alle können weiter kaufen, was sie halten, abheben und holen, was ihnen gehört.',
    nothingCanBeClosedYet:
      'Noch lässt sich nichts schließen: Warten Sie, bis gehaltene Energie gekauft, zurückgegeben oder abgelaufen ist.',
  },
};
