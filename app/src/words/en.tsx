/** What the app says, in English. */

import type { ReactNode } from 'react';

import { counted } from './count';

/** The words, by where they stand. */
export const en = {
  owners: {
    of: (some: number, all: number) => `${some} of ${counted(all, 'owner')}`,
    outOf: (some: string, all: number) => `${some} of ${all}`,
  },
  app: {
    basketOf: (count: number) => `Basket, ${counted(count, 'offer')}`,
    market: 'Market',
    sell: 'Sell',
    myEnergy: 'My energy',
    bus: 'Bus',
    verify: 'Verify',
    notFound: 'Not found',
    multibus: (title: string) => `${title} · MultiBus`,
    skipToBuying: 'Skip to buying',
    skipToTheContent: 'Skip to the content',
    thereIsNoSuchPage: 'There is no such page.',
    multibusToTheMarket: 'MultiBus, to the market',
    multibus2: 'MultiBus',
    screens: 'Screens',
    switchToDark: 'Switch to the dark theme',
    switchToLight: 'Switch to the light theme',
  },
  decimal: {
    type: (noun: string) => `Type ${noun}.`,
    useAPointForDecimals: 'Write decimals with a point, as in 2.5, and thousands with a comma, as in 1,000.',
    typeAboveZero: (noun: string) => `Type ${noun} above zero.`,
    isNotANumberType: (more: string) => `“${more}” is not a number; type digits, as in 2.5.`,
    haveNoDecimalsTypeA: (unit: string) => `${unit} have no decimals; type a whole number.`,
    haveAtMostDecimalsHas: (unit: string, decimals: number, compact: string, count: number) =>
      `${unit} have at most ${decimals} decimals; “${compact}” has ${count}.`,
    isMoreThan64Bits: (compact: string) => `“${compact}” does not fit 64 bits; type less.`,
  },
  energy: {
    anAmountOfEnergy: 'an amount of energy',
    typeAtLeast1Wh: 'Type at least 1\u00a0Wh.',
    kwh: (decimal: string) => `${decimal}\u00a0kWh`,
  },
  token: {
    anAmount: 'an amount',
    theseTokens: 'These tokens',
    unnamed: 'tokens',
    aPricePerKwh: 'a price per kWh',
    typeAPriceAboveZero: 'Type a price above zero.',
    sol: (decimal: string) => `${decimal}\u00a0SOL`,
    aPercentage: 'a percentage',
    percentages: 'Percentages',
    atMost100: 'At most 100\u00a0%.',
  },
  connection: {
    theNodeHasNotAnswered: (more: number) => `the node has not answered in ${more}\u00a0seconds`,
  },
  network: {
    local: 'Local',
    browsersBlockPlainNodes:
      'This page came over https, so browsers let it reach a node elsewhere only over https and wss. Give such an address.',
    thePublicMainnetRefuses:
      'The public address of the mainnet refuses browsers (HTTP 403). Give the address of a provider’s node as a node of your own.',
    isAPublicNetworkAnd: (networkName: string, more: string) =>
      `${networkName} is a public network (${more}), and this app is built for the local program, whose key everybody has: whoever deploys it there could take your money. Use an app that is built for this network, or choose a local network.`,
    giveTheAddressOfAn: 'Give the address of an RPC node, such as http://127.0.0.1:8899.',
    giveTheAddressOfIts: 'Give the address of its subscriptions, such as ws://127.0.0.1:8900.',
  },
  send: {
    theWalletChangedIt:
      'Your wallet changed what the device was to sign, so the device signed nothing, and nothing was sent. Use another wallet.',
    theNetworkDidNotConfirm: 'the network did not confirm in time',
    theNetworkDidNotTake: 'The network did not take the transaction in time, so nothing happened; try again.',
  },
  explain: {
    /** A refusal of the program: its number, and what its IDL says. */
    ofProgram: (_: number, english: string) => english,
    youDeclinedInYourWallet: 'You declined in your wallet; nothing was sent.',
    yourWalletSaysItMay: (words: string) =>
      `Your wallet says: “${words}”. It may have sent it all the same: look whether it happened before you try again.`,
    yourWalletSaysNothingWas: (words: string) => `Your wallet says: “${words}”. Nothing was sent.`,
    theNetworkDoesNotAnswer:
      'The network does not answer, so nobody can tell yet whether the purchase happened. It is watched and shown as soon as that is known; nothing is paid twice.',
    yourWalletSaysItMay2: (words: string) =>
      `Your wallet says: “${words}”. It may have sent the purchase all the same, so the purchase is watched until the chain tells. Wait for that before you buy again.`,
    noReason: 'no reason',
    theTokenAccountHasToo: 'The token account has too little SOL for its rent; fund it.',
    yourTokenAccountHoldsLess: 'Your token account holds less than the payment; add tokens, or buy less.',
    theTokenAccountIsOf: 'The token account is of another mint; use one of the bus’s settlement mint.',
    theseTokensBelongToAnother: 'These tokens belong to another wallet; switch to the wallet that owns them.',
    theTokenAccountIsFrozen: 'The token account is frozen by the token’s issuer; ask the issuer.',
    somethingExistsAtThatAddress: 'Something exists at that address already; it may have been done a moment ago.',
    yourWalletHasTooLittle: 'Your wallet has too little SOL for rent and fees; add SOL.',
    aSignatureIsMissingSign: 'A signature is missing; sign with the wallet that must sign.',
    anAccountHasTooLittle: 'An account has too little SOL; add SOL.',
    anAccountIsMissingOr: 'An account is missing or belongs to another program; it may have closed a moment ago.',
    anAccountDoesNotExist: 'An account does not exist any more; it may have closed a moment ago.',
    anAccountIsMissingOr2: 'An account is missing or of another kind; it may have closed a moment ago.',
    anAccountIsMissingIt: 'An account is missing; it may have closed a moment ago.',
    theAccountExistsAlreadyIt: 'The account exists already; it may have been created a moment ago.',
    theTransactionIsTooLarge: 'The transaction is too large for one; buy from fewer offers at once.',
    multibusIsNotOnThis: 'MultiBus is not on this network; choose another network.',
    yourWalletHasNoSol: 'Your wallet has no SOL on this network; add some for fees first.',
    yourWalletHasTooLittle2: 'Your wallet has too little SOL for the network fee; add SOL.',
    anAccountWouldHoldToo: 'An account would hold too little SOL for its rent; add SOL.',
    theTransactionIsTooOld: 'The transaction is too old, or the node lags behind; try again.',
    theTransactionNamesTooMany: 'The transaction names too many accounts; buy from fewer offers at once.',
    anUnknownError: 'an unknown error',
    theNetworkRefusedTheTransaction: (name: string) => `The network refused the transaction (${name}); try again.`,
    aProgramThatThisTransaction: 'A program that this transaction uses refused it; nothing was changed.',
    theTransactionWasRefusedNothing: (name: string) => `The transaction was refused (${name}); nothing was changed.`,
    theNetworkDoesNotAnswer2: 'The network does not answer. Your money is safe: nothing happens twice.',
    theNodeAnswersWithHttp: (statusCode: number) => `the node answers with HTTP ${statusCode}`,
    theNodeAnswersWithError: (code: number) => `the node answers with error ${code}`,
    theNodeLagsBehindIts: 'the node lags behind its network',
    theNodeHasClosedThe: 'the node has closed the connection',
    theNodeTakesNoConnection: 'the node takes no connection',
    theNodeTakesNoSubscription: 'the node takes no subscription',
  },
  busScreen: {
    terms: 'Payment and grid fee',
    termsFrom: (time: string) => `From ${time}`,
    gridFeesGoTo: 'Grid fees go to',
    bus: 'Bus',
    theBuses: 'the buses',
    thereIsNoBusAt: 'There is no bus at this address on this network.',
    createABus: 'Create a bus',
    paused: 'paused',
    copyTheBussAddress: "Copy the bus's address",
    decisions: 'Decisions',
    timelock: 'Waiting time',
    none: 'none',
    pausing: 'Pausing',
    capacity: 'Capacity',
    basePrice: 'Base price',
    lockFee: 'Fee for holding',
    windows: 'Windows',
    listing: 'Who may sell',
    token: 'Token',
    owners: 'Owners',
    nobody: 'Nobody',
    pastWindows: 'Past windows',
    reservePrice: 'Own energy for at least',
    leastSize: 'Least size',
    horizon: 'Trades ahead',
    operator: 'Operator',
  },
  createBus: {
    noWindowsDeliversAnyTime: 'No windows: delivers any time',
    whenTheWindowStarts: 'When the window starts',
    n5MinutesBefore: '5\u00a0minutes before',
    n15MinutesBefore: '15\u00a0minutes before',
    n1HourBefore: '1 hour before',
    atOnce: 'At once',
    after1Minute: 'After 1 minute',
    after1Hour: 'After 1 hour',
    after1Day: 'After 1 day',
    after7Days: 'After 7 days',
    everyOwnerNeedsAnAddress: 'Every owner needs an address and a share.',
    theSameOwnerIsIn: 'The same owner is in the list twice.',
    youMustBeOneOf: 'You must be one of the owners.',
    theSharesMakeTheyMust: (share: string) => `The shares make ${share}; they must make 100\u00a0%.`,
    theLockFeeCanBe: 'The fee for holding can be at most 5\u00a0%.',
    openIt: 'Open it',
    putEnergyOnOffer: 'put energy on offer',
    isThereOr: (value: string, link: ReactNode, link2: ReactNode) => (
      <>
        {value} is there. {link}, or {link2}.
      </>
    ),
    createABus: 'Create a bus',
    name: 'Name',
    whatNeighboursCallIt: 'What neighbours call it.',
    capacity: 'Capacity',
    capacityPerWindow: 'Capacity per window',
    energyThatMayBeOn: 'Energy that may be on offer or sold.',
    settlementTokenMint: 'Token to pay with (its address)',
    decimals: (decimals: number, more: string) => `${decimals} decimals${more}`,
    lookingItUp: 'Looking it up…',
    whatBuyersPayInA: 'What buyers pay in, a stablecoin in practice.',
    tokensOfOtherBuses: 'Tokens of other buses',
    as: (busName: string) => `as ${busName}`,
    basePricePerKwh: 'Base price per kWh',
    noOfferAsksLessThan: (amount: string) => `No offer asks less than ${amount}.`,
    theLowestPriceThatAn: 'The lowest price that an offer may ask.',
    ownersAndTheirSharesOf: 'Owners and their shares of the bus’s revenue',
    owner: (more: number) => `Owner ${more}`,
    you: 'You',
    shareOfOwner: (more: number) => `Share of owner ${more}`,
    removeOwner: (more: number) => `Remove owner ${more}`,
    addAnOwner: 'Add an owner',
    sharesMake: (share: string) => `Shares make ${share}`,
    approvalsThatADecisionNeeds: 'Approvals that a decision needs',
    approvalsThatPausingNeeds: 'Approvals that pausing needs',
    asManyAsAnyDecision: 'As many as any decision',
    decisionsTakeEffect: 'Decisions take effect',
    lockFee: 'Fee for holding',
    whatHoldingEnergyCostsWhere: 'What holding energy costs where it is not bought, at most 5\u00a0%.',
    deliveryWindows: 'Delivery windows',
    gateCloses: 'Trading closes',
    whoMayListEnergy: 'Who may sell',
    stillMissing: (names: string) => `Still missing: ${names}.`,
    costs: (fee: string, rent: string) =>
      `Network fee ${fee}; rent ${rent}, most of which comes back when the bus closes.`,
    createTheBus: 'Create the bus',
    oneDay: '1 day',
    sevenDays: '7 days',
    thirtyDays: '30 days',
    oneYear: '1 year',
    fifteenMinutes: '15\u00a0minutes',
    thirtyMinutes: '30\u00a0minutes',
    oneHour: '1 hour',
    theHorizonIsTooShort:
      'The time from the close of trading to the end of a window must be shorter than the time that the bus trades ahead.',
    theLeastSizeIsAboveTheCapacity: 'The least size is above the capacity.',
    horizon: 'How far ahead it trades',
    horizonNeverChanges: 'Offers expire and windows open at most so far ahead. This never changes.',
    leastSize: 'Least size',
    whatLeastSizeIs: 'The least that is offered, bought or held at once, except a rest.',
    reservePrice: 'Own energy for at least, per kWh',
    asTheBasePrice: 'the base price',
    whatReservePriceIs: 'The bus’s own offers never ask less, so that no owner alone sells the common energy cheaply.',
    operator: 'Operator’s wallet',
    nobody: 'nobody',
    whatTheOperatorDoes:
      'May admit and suspend sellers and withdraw the bus’s own offers at once; registers meters, and reads where one is silent.',
  },
  bus: {
    pasteAWalletsAddress: 'Paste a wallet’s address.',
    thisIsNotAnAddress: 'This is not an address; paste all of its 32 to 44 letters and digits.',
    giveTheBusAName: 'Give the bus a name.',
    atMost32BytesThis: (length: number) => `At most 32\u00a0bytes; this has ${length}.`,
    noControlCharactersPlease: 'No control characters, please.',
    thereIsNoTokenWith: 'There is no token with this address on this network; paste the address of its mint.',
  },
  pastWindows: {
    closed: (count: number, back: string | undefined) =>
      `${count === 1 ? 'One window is' : `${count} windows are`} closed; the rent went back${back === undefined ? '' : `: ${back}`}.`,
    over: (count: number) => (count === 1 ? 'One window can be closed.' : `${count} windows can be closed.`),
    withdrawn: (count: number) => `${counted(count, 'offer')} ${count === 1 ? 'is' : 'are'} withdrawn with it`,
    closingGivesTheRentBack: (sol: string, units: string) =>
      `Closing gives the rent back to who paid it, ${sol} (${units}\u00a0lamports) for each.`,
    pastWindows: 'Past windows',
    locksHoldItUpFree: 'held energy keeps it open; free it first',
    closePastWindows: 'Close past windows',
  },
  capacity: {
    thereIsNothingToClose:
      'There is nothing to close: these windows are closed already, or held energy keeps them open.',
  },
  lockCard: {
    boughtFor: (energy: ReactNode, tokens: ReactNode) => (
      <>
        Bought {energy} for {tokens}.
      </>
    ),
    releasedCameBack: (tokens: ReactNode, fee: ReactNode) => (
      <>
        Given back; {tokens} came back.{fee !== false && <> The seller keeps {fee} for holding it.</>}
      </>
    ),
    releasingCosts: (tokens: ReactNode, share: string) => (
      <>
        ; giving it back costs {tokens} ({share})
      </>
    ),
    releasedWaits: (tokens: ReactNode) => (
      <>
        Given back; {tokens} could not be paid to the account that they came from. They wait for you on this page: get
        them there, also to another account.
      </>
    ),
    itBecomesAClaim:
      'The account that paid the deposit takes no payment now: closed, frozen, or it asks for memos. If you give the energy back, the deposit waits for you on this page, and you can get it to another account.',
    itWouldBeFrozen:
      'The token’s issuer has frozen the account that holds your deposit. If you give the energy back now, the deposit stays yours, and waits there until it can be paid.',
    itCanOnlyBeReleased: '; it can only be given back now',
    purchaseLane: 'your purchase record',
    settle: 'Buy it',
    release: 'Give it back',
    deposited: (tokens: ReactNode, more: ReactNode, more2: ReactNode) => (
      <>
        {tokens} deposited{more}
        {more2}
      </>
    ),
    refundIsFrozen:
      'Given back. The token’s issuer has frozen the account that holds your deposit, so that it cannot be paid back yet; it stays yours.',
    payTheRefund: 'Pay it back now',
  },
  lock: {
    thisOfferIsGone: 'This offer is gone.',
    allPlacesAreTaken: (places: number) =>
      `You hold ${places} parts of this offer already, the most there can be. Buy one or give one back first.`,
  },
  marketScreen: {
    anotherBusIsCalledAlike: 'Another bus is called alike: look at the address.',
    payment: 'Sellers are paid',
    gridFee: 'Grid fee, in the prices',
    unplaced: (count: number) =>
      count === 1
        ? 'The window of 1 older trade is not known, so it is left out.'
        : `The window of ${count} older trades is not known, so they are left out.`,
    capacityOf: (energy: { total: string; sold: string; listed: string; reserved: string; available: string }) =>
      `Of ${energy.total}: ${energy.sold} sold, ${energy.listed} on offer, ${energy.reserved} reserved, ${energy.available} available`,
    thereIsNoBusAt: 'There is no bus at this address on this network.',
    market: 'Market',
    theMarket: 'the market',
    createTheFirstOne: 'Create the first one.',
    thereIsNoBusOn: (link: ReactNode) => <>There is no bus on this network yet. {link}</>,
    offers: 'Offers',
    depth: 'Depth',
    buy: 'Buy',
    howToBuy: 'How to buy',
    bestPrice: 'Best price',
    basketTab: (count: number) => (count > 0 ? `Basket (${count})` : 'Basket'),
    buses: 'Buses',
    findABus: 'Find a bus',
    whatABusIs: 'A bus is the market of one neighbourhood: it has owners and rules of its own.',
    nameOwnerOrAddress: 'Name, owner or address',
    busesWithEnergyFrom: 'Buses with energy from',
    anySource: 'Any source',
    any2: 'Any',
    noBusIsLikeThat: 'No bus is like that.',
    paused: 'Paused',
    nothingOnOffer: 'Nothing on offer',
    free: (energy: string) => `${energy} free`,
    yours: ' · yours',
    from: (price: string) => `from ${price}`,
    paused2: 'paused',
    ownersAndDecisions: 'Owners and decisions',
    copyTheBussAddress: "Copy the bus's address",
    ownersAndTheirShares: 'Owners and their shares',
    owners: (count: number) => (count === 1 ? 'Owner' : 'Owners'),
    deliveryWindow: 'Delivery window',
    allWindows: 'All windows',
    sold: 'sold',
    onOffer: 'on offer',
    reserved: 'reserved',
    available: 'available',
    capacity: 'Capacity',
    capacityOfAWindow: 'Capacity of a window',
    pricesNow: 'Prices now',
    nothingOnOffer2: 'nothing on offer',
    inAllWindows: (count: number) => `In the ${count} windows that trade now:`,
    kwh: (token: string) => `${token}/kWh`,
    delivery: 'Delivery',
    windowsGateClosesBefore: (time: string, time2: string) => `${time} windows, trading closes ${time2} before`,
    windowsGateClosesAtStart: (time: string) => `${time} windows, trading closes when they begin`,
    anyTime: 'any time',
    listing: 'Who may sell',
    prices: 'Prices',
    recentTrades: 'Recent trades',
    olderTradesCouldNotBe: (tradesMissing: string) =>
      `Older trades could not be read from this node (${tradesMissing}).`,
    nothingWasTradedHereYet: 'Nothing was traded here yet.',
    nothingWasTradedLately:
      'Nothing was bought here lately. What is older than the market’s last transactions is not read here.',
    nothingWasBoughtDirectly: 'Nothing was bought directly here yet. What auctions sold stands at each auction.',
    trades: 'trades',
    when: 'When',
    buyer: 'Buyer',
    energy: 'Energy',
    perKwh: 'per kWh',
    paid: 'Paid',
  },
  offerTable: {
    source: 'Source',
    perKwh: 'Per kWh',
    free: 'Free',
    remaining: 'Remaining',
    seller: 'Seller',
    endsIn: 'Ends in',
    delivery: 'Delivery',
    filterBySource: 'Filter by source',
    all: (count: number) => `All ${count}`,
    nothingIsOnOfferHere: 'Nothing is on offer here now.',
    offers: 'Offers',
    buy: 'Buy',
    offersScrollable: 'Offers, scrollable',
    kwh: (token: string) => `${token}/kWh`,
    reserved: (energy: string) => `${energy} reserved`,
    of: (energy: string) => `of ${energy}`,
    thisIsYourOwnOffer: 'This is your own offer',
    locksOnThisOffer: 'Energy held of this offer',
    heldBy: (energy: string, who: ReactNode, countdown: ReactNode) => (
      <>
        {energy} held by {who} {countdown}
      </>
    ),
    tradesIn: (countdown: ReactNode) => <>trades in {countdown}</>,
  },
  charts: {
    offerToRead: 'Offer to read out',
    depthUpTo: (energy: string, price: string) => `${energy} is on offer at up to ${price} per kWh.`,
    tradeToRead: 'Trade to read out',
    tradeAt: (time: string, energy: string, price: string) => `${time}: ${energy} at ${price} per kWh.`,
    depth: (energy: string, offers: number, price: string) =>
      `Depth: ${energy} in ${counted(offers, 'offer')}, from ${price} per kWh`,
    prices: (count: number, price: string) =>
      count === 1
        ? `Price of the last trade at ${price} per kWh`
        : `Prices of the last ${count} trades, the latest at ${price} per kWh`,
    nothingIsOnOfferHere: 'Nothing is on offer here now.',
  },
  networkButton: {
    connecting: 'Connecting',
    live: 'Live',
    connectionLost: 'Connection lost',
    networkChangeIt: (networkName: string, more: string) => `Network ${networkName}: ${more}. Change it`,
    network: 'Network',
    aNodeOfYourOwn: 'A node of your own',
    itsSubscriptions: 'Its subscriptions',
    useThisNode: 'Use this node',
    theLinksNode: "The link's node",
    and: (more: ReactNode) => <>and {more}</>,
    thisLinkWantsYouTo: (more: ReactNode, defaultWsUrl: ReactNode) => (
      <>
        This link wants you to trade through the node {more}
        {defaultWsUrl}. A node sees what you do and chooses what you see: use it only where you trust whoever gave you
        the link.
      </>
    ),
    stayWith: (networkName: string) => `Stay with ${networkName}`,
    notAllWasReadYet: 'not everything was read yet.',
    whatYouSeeIsFrom: (when: ReactNode) => <>what you see is from {when}.</>,
    theConnectionToIsLost: (networkName: string, more: ReactNode, more2: ReactNode) => (
      <>
        The connection to {networkName} is lost; {more} Trying again… {more2}
      </>
    ),
    thisBrowserKeepsNothingFor:
      'This browser keeps nothing for this page: its storage is full or blocked. Leave the page open until a purchase is through.',
    browsersSignAndHashOnly:
      'Browsers sign and hash only on secure pages. Open this app over https, or on this machine.',
    notOnThisNetwork: 'Not on this network',
    chooseAnotherNetwork: 'Choose another network',
  },
  expiryField: {
    chooseADayAndA: 'Choose a day and a time.',
    thatIsInThePast: 'That is in the past; choose a later time.',
    tradesUntil: 'Trades until',
    ownTime: 'Own time',
    dayAndTime: 'Day and time',
    longest: 'As long as it can',
    until: (time: string) => `Until ${time}.`,
    atTheLatest: (time: string) =>
      `An offer ends when trading in its window closes, or as far ahead as the bus trades: choose ${time} at the latest.`,
  },
  offerDialog: {
    ofItGridFee: 'Of it for the grid',
    payment: 'Payment',
    elsewhere: (amount: string, offers: number, bus: string) =>
      `The same amount costs ${amount} from ${offers} other ${offers === 1 ? 'offer' : 'offers'} on ${bus} now. Close this and buy it at the best price.`,
    thisOfferIsGoneIt: 'This offer is gone: it was sold out or withdrawn.',
    onlyOfThisOfferAre: (energy: string) => `Only ${energy} of this offer is free.`,
    bought: (energy: ReactNode, paidFor: ReactNode) => (
      <>
        Bought {energy} {paidFor}.
      </>
    ),
    myEnergy: 'My energy',
    holdingForFiveMinutesSettle: (energy: ReactNode, link: ReactNode) => (
      <>
        Holding {energy} for five minutes. Buy it or give it back under {link}.
      </>
    ),
    offer: 'Offer',
    offerOn: (busName: string) => `Offer on ${busName}`,
    source: 'Source',
    pricePerKwh: 'Price per kWh',
    delivery: 'Delivery',
    free: 'Free',
    seller: 'Seller',
    whatToDo: 'What to do',
    buyNow: 'Buy now',
    hold5Min: 'Hold 5 min',
    basket: 'Basket',
    howMuch: 'How much',
    anyPartOfItDown: 'Any part of it, down to 1\u00a0Wh.',
    allThatIsFree: 'All that is free',
    takeWhatIsLeftIf: 'Take what is left if somebody is faster',
    deposit: 'Deposit',
    yourLock: 'what you hold',
    yourOffer: 'your offer',
    theBasketIsFullOne:
      'The basket is full: one transaction cannot hold one more offer. Buy what is in it first, or take something out.',
    thisOfferStopsTradingIn:
      'This offer stops trading in less than five minutes, so it cannot be held; buy it at once.',
    holdForFiveMinutes: 'Hold for five minutes',
    addToTheBasket: 'Add to the basket',
    deposited: (settled: string) =>
      `You deposit the full cost for five minutes. If you buy, ${settled}; if you give the energy back, all of the deposit comes back.`,
    depositedWithFee: (settled: string, share: string, amount: string) =>
      `You deposit the full cost for five minutes. If you buy, ${settled}; if you give the energy back, the deposit comes back, less ${share} for the seller (${amount}).`,
    theSellerGetsIt: 'the seller gets the deposit',
    itWaitsForTheDelivery: 'it waits for the delivery',
  },
  ownOffers: {
    perKwh: (tokens: ReactNode) => <>{tokens} per kWh</>,
    over: (count: number) => `${counted(count, 'offer')} ${count === 1 ? 'has' : 'have'} ended`,
    buyersPay: (tokens: ReactNode) => <>Buyers pay {tokens} per kWh with the grid fee</>,
    freeOne: 'Free one',
    freeIt: 'Free it',
    nothing: 'You have nothing on offer.',
    nothingOn: (bus: string) => `You have nothing on offer on ${bus}.`,
    yourOffers: 'your offers',
    ownOffers: 'Own offers',
    forTheBus: 'for the bus',
    freeOf: (energy: string) => `free of ${energy}`,
    reserved: (energy: string) => `, ${energy} reserved`,
    ends: (more: ReactNode) => <>, ends in {more}</>,
    ended: ', ended',
    sold: (energy: string, more: ReactNode, more2: ReactNode, more3: ReactNode) => (
      <>
        {energy} sold{more}
        {more2}
        {more3}
      </>
    ),
    reprice: 'Change the price',
    withdraw: 'Withdraw the offer',
    areFreeAgainTheDeposit: (energy: string) => `${energy} is free again; the deposit went back to its buyer.`,
    areFreeAgainTheDepositWaits: (energy: string) =>
      `${energy} is free again; the deposit could not be paid now, and waits for its buyer.`,
    underExpiredLocks: (energy: string) => `${energy} held, but its five minutes are over`,
    setANewPrice: 'Set a new price',
    withdrawWhatIsFree: 'Withdraw what is free',
    theOfferAsksPerKwh: (amount: string) => `The offer asks ${amount} per kWh now.`,
    withdrawnTheEnergyIsAvailable: 'Withdrawn; the energy is available to the bus again.',
    pricePerKwh: 'Price per kWh',
    energyUnderLocksStaysUntil: ' Energy that buyers hold stays until they buy it or give it back.',
    goBackToTheBus: (energy: ReactNode, more: ReactNode) => (
      <>
        {energy} goes back to the bus.{more}
      </>
    ),
    theBussBasePriceIs: (amount: string) => `The bus’s base price is ${amount}; ask at least that.`,
    setExpiry: 'Change its end',
    tradeUntilAnotherTime: 'Trade until another time',
    theOfferTradesUntil: (time: string) => `The offer trades until ${time} now.`,
    paidSoFar: (tokens: ReactNode) => <>{tokens} earned and not withdrawn yet</>,
    atLeast: (amount: string) => `At least ${amount}. Energy that buyers hold keeps its price.`,
    waitsAgain: (time: string) => `A lower price makes the offer wait: it trades again after ${time}.`,
    locksNeedItUntil: (time: string) => `Buyers hold energy of this offer until ${time}; choose that or a later time.`,
    onlyEarlierWhileClosing: 'The bus is closing, so that offers can only end earlier.',
    theReservePriceIs: (amount: string) =>
      `The owners have decided that the bus sells its own energy for at least ${amount}.`,
    repriceFirst: (amount: string) =>
      `Its price is too low by now: ask at least ${amount} before it trades for longer.`,
  },
  sellScreen: {
    theMarket: 'The market at this time',
    nobodyElseSells: 'Nobody else sells for this time.',
    othersAsk: (energy: string, lowest: string, highest: string, token: string) =>
      lowest === highest
        ? `Others sell ${energy} for this time, at ${lowest}\u00a0${token} per kWh.`
        : `Others sell ${energy} for this time, at ${lowest} to ${highest}\u00a0${token} per kWh.`,
    youAreTheCheapest: 'Yours would be the cheapest.',
    soldBeforeYours: (energy: string) => `${energy} of it would be sold before yours.`,
    yourDeviceDelivers: (energy: string, power: string, most: string) =>
      `${energy} can be put on offer: your device has ${power}, and delivers at most ${most} in this window.`,
    yourDeviceCannot: (energy: string, power: string) =>
      `A device of ${power} can deliver ${energy} more in this window; offer at most that.`,
    buyersPay: (amount: string, fee: string) => `Buyers pay ${amount} per kWh: your price, and ${fee} for the grid.`,
    youArePaid: (how: string) => `You are paid: ${how}.`,
    whatOnDeliveryMeans: (time: string) =>
      `What buyers pay waits until your meter has said what you delivered. Without a reading by ${time} all of it goes back to them.`,
    opensTheBook: (sol: string) => `${sol} of it is for your delivery record of these windows, returned later.`,
    asYourMeterSays: '(as your meter says)',
    youNeedAMeter:
      'In this window sellers are paid for what a meter says that they delivered, and you have no meter here yet. Ask the operator to register yours.',
    theMeterIsValidFrom: (time: string) => `Your meter measures windows from ${time} on; choose a later one.`,
    thereIsNoBusAt: 'There is no bus at this address on this network.',
    sell: 'Sell',
    putEnergyOnOffer: 'Put energy on offer',
    connectAWalletToSee: 'Connect a wallet to see where you may sell.',
    connectAWallet: 'Connect a wallet',
    whereYouMaySell: 'where you may sell',
    createABus: 'Create a bus',
    youOwnNoBusAnd: (link: ReactNode) => <>You own no bus, and none lets everybody sell. {link}, or ask an owner.</>,
    onWhichBus: 'On which bus',
    whatYouHaveOnOffer: 'What you have on offer',
    onOfferAtPerKwh: (energy: ReactNode, amount: string) => (
      <>
        {energy} on offer at {amount} per kWh.
      </>
    ),
    deliveryWindow: 'Delivery window',
    energy: 'Energy',
    available: (energy: string) => `${energy} available.`,
    theBusHasAvailableOffer: (energy: string) => `The bus has ${energy} available; offer at most that.`,
    pricePerKwh: 'Price per kWh',
    source: 'Source',
    whoSells: 'Who sells',
    youYourWalletIsPaid: 'You: your wallet is paid',
    theBusItsTreasuryIs: 'The bus: its treasury is paid',
    theOperatorIs: 'The operator:',
    yourAddressIs: 'Your address:',
    bringsIfAllIsSold: (amount: string) => `Brings ${amount} if all is sold at once.`,
    theOwnersHavePausedThis: 'The owners have paused this bus; nothing can be put on offer now.',
    putOnOffer: 'Put on offer',
    atLeast: (amount: string) => `At least ${amount}.`,
    atLeastTheLeastSize: (energy: string) => `Offers on this bus have at least ${energy}, or all that is available.`,
    tradesIn: (time: string) => `It trades in ${time}.`,
    busOffersWait: (time: string) =>
      `Offers of the bus itself trade ${time} after they are listed or lowered, so that its owners see them first.`,
    rent: (sol: string, more: string) => `Takes ${sol} as rent${more}. It comes back when the accounts close.`,
    openingTheAccount: ', which opens your seller account on this bus',
  },
  offer: {
    theBusIsNotOn: 'The bus is not on this network any more.',
  },
  proposals: {
    newGridRecipient: 'Wallet that gets the grid fees',
    whatTheGridRecipientIs: 'Buyers pay the grid fee on top of the price. Leave it empty for the treasury.',
    theOperatorIsNeeded:
      'Sellers on this bus are paid for what was delivered, so that it needs an operator who reads where a meter is silent. Decide on other terms first.',
    theOperatorIsNeededUntil: (time: string) =>
      `The bus needs its operator until ${time}: by then all readings of earlier windows are final.`,
    termsHoldFrom: 'They hold from',
    whyNotEarlier: (time: string) =>
      `The bus trades ${time} ahead. New terms start after that, so that no window that is open changes.`,
    termsAreFixed: (time: string) =>
      `Other terms are decided already and hold from ${time}. Windows are open under them, so that they stay; propose new ones after that.`,
    nothing: (threshold: number, owners: number) =>
      `Nothing is proposed. Whatever changes this bus is decided by ${owners === 1 ? 'its owner' : `${threshold} of its ${owners} owners`}.`,
    needs: (approvals: number, owners: number, wait: string | undefined) =>
      `Needs ${approvals} of ${counted(owners, 'owner')}${wait === undefined ? '' : `, then waits ${wait}`}. Proposing is your approval.`,
    carriedOut: 'carried out',
    staleOwnersSharesOrThreshold: 'stale: owners, shares or threshold changed since',
    approvedByNobody: 'approved by nobody',
    needsApprovals: 'needs approvals',
    approvedInItsTimelock: 'approved, waits to take effect',
    readyToBeCarriedOut: 'ready to be carried out',
    decisions: 'Decisions',
    proposeAChange: 'Propose a change',
    aChangeThatThisApp: 'A change that this app does not know',
    takesEffectIn: (countdown: ReactNode) => <>Takes effect in {countdown}.</>,
    proposedBy: (who: ReactNode, when: ReactNode, more: ReactNode) => (
      <>
        Proposed by {who}, {when}. {more}
      </>
    ),
    approvals: 'Approvals',
    approves: 'approved',
    hasNotApproved: 'not yet',
    ofNeeded: (count: number, approvalsNeeded: number) => `${count} of ${approvalsNeeded} needed`,
    youApproveThisProposal: 'You approve this proposal.',
    approve: 'Approve',
    yourApprovalIsTakenBack: 'Your approval is taken back.',
    revoke: 'Take my approval back',
    carriedOutTheBusIs: 'Carried out: the bus is changed.',
    carryOut: 'Carry out',
    closedItsRentWentBack: 'Closed; its rent went back to the proposer.',
    close: 'Put away',
    decidedAndCarriedOut: 'Decided and carried out.',
    theOtherOwnersSeeIt: 'The other owners see it now.',
    itCanBeCarriedOut: (time: string) => `It can be carried out in ${time}.`,
    proposedAndApprovedByYou: (more: string) => `Proposed and approved by you. ${more}`,
    whatToChange: 'What to change',
    groups: {
      trading: 'Trading',
      sellers: 'Sellers and operator',
      owners: 'Owners',
      deciding: 'How it is decided',
      running: 'Pausing and closing',
    },
    newBasePricePerKwh: 'New base price per kWh',
    now: (amount: string) => `Now ${amount}.`,
    newCapacity: 'New capacity',
    newOwnersWallet: 'New owner’s wallet',
    ownerWhoLeaves: 'Owner who leaves',
    whatItEarnedUntilThen: 'What it earned until then stays its own to claim.',
    sharesAfterwards: 'Shares afterwards',
    shareOfOwner: (more: number) => `Share of owner ${more}`,
    theyMustMake100: '; they must make 100\u00a0%',
    theyMake: (share: string, more: string) => `They make ${share}${more}.`,
    approvalsThatADecisionNeeds: 'Approvals that a decision needs',
    decisionsTakeEffect: 'Decisions take effect',
    whoMayListEnergy: 'Who may sell',
    deliveryWindows: 'Delivery windows',
    gateCloses: 'Trading closes',
    newLockFee: 'New fee for holding',
    atMost5: 'At most 5\u00a0%.',
    yourApprovalIsEnoughThis: 'Your approval is enough: this takes effect at once.',
    closeForGood: (bus: string) => `Close ${bus} for good`,
    changeIt: 'Change it',
    propose: 'Propose',
    expired: 'expired: it was not carried out in its 30 days',
    until: (time: string) => `It can be carried out until ${time}.`,
    ownersPresentKey: 'Owner’s present key',
    theNewKeyHasAll: 'The new key gets the owner’s share, revenue and voice.',
    newKey: 'New key',
    sellersWallet: 'Seller’s wallet',
    newOperator: 'New operator’s wallet',
    nobody: 'nobody',
    whatTheOperatorDoes:
      'It may admit and suspend sellers and withdraw the bus’s own offers at once; it registers meters, and reads where one is silent. Leave it empty for no operator.',
    whatSuspendingDoes:
      'It lists nothing until it is admitted again, and keeps its money. Owners may withdraw what it has on offer.',
    approvalsThatPausingNeeds: 'Approvals that pausing needs',
    asManyAsAnyDecision: 'As many as any decision',
    newReservePricePerKwh: 'Own energy for at least, per kWh',
    asTheBasePrice: 'the base price',
    itIsSoAlready: 'It is so already, so that there is nothing to decide. Choose something else.',
    isAnOwnerAlready: 'This wallet is an owner already; name another one.',
    newLeastSize: 'New least size',
    whatClosingDoes:
      'Nothing opens and nothing is sold on the bus any more. What is held can still be bought, and everybody gets what it is owed. Once all is closed, the bus closes for good.',
  },
  change: {
    changeTheGridRecipient: 'Change who gets the grid fees',
    from: 'From',
    fromTheStart: 'the start',
    sellersArePaid: 'Sellers are paid',
    gridFee: 'Grid fee',
    perKwh: (amount: string, token: string) => `${amount}\u00a0${token}/kWh`,
    noGridFee: 'no grid fee',
    gridFeeOf: (amount: string) => `grid fee ${amount}`,
    readingDeadline: 'Time for the reading',
    correctionTime: 'Time for corrections',
    gridFeesGoTo: 'Grid fees go to',
    takeInAnOwner: 'Take in an owner',
    removeAnOwner: 'Remove an owner',
    divideTheSharesAnew: 'Divide the shares anew',
    changeTheApprovalsNeeded: 'Change the approvals needed',
    changeTheTimelock: 'Change the waiting time of decisions',
    changeTheCapacity: 'Change the capacity',
    changeTheBasePrice: 'Change the base price',
    changeWhoMayList: 'Change who may sell',
    changeTheDeliveryWindows: 'Change the delivery windows',
    changeTheLockFee: 'Change the fee for holding',
    pauseTheBus: 'Pause the bus',
    letTheBusTradeAgain: 'Let the bus trade again',
    noWindows: 'no windows',
    atTheStart: 'at the start',
    before: (time: string) => `${time} before`,
    gate: (time: string, more: string) => `${time}, trading closes ${more}`,
    leaves: 'leaves',
    approvals: 'Approvals',
    timelock: 'Waiting time',
    capacity: 'Capacity',
    basePrice: 'Base price',
    listing: 'Who may sell',
    windows: 'Windows',
    lockFee: 'Fee for holding',
    trading: 'Trading',
    paused: 'paused',
    running: 'running',
    whatChanges: 'What changes',
    owner: 'Owner',
    what: 'What',
    before2: 'Before',
    decided: 'Decided',
    after: 'After',
    replaceAnOwnersKey: 'Replace an owner’s key',
    changeThePauseQuorum: 'Change the approvals for pausing',
    admitASeller: 'Admit a seller',
    suspendASeller: 'Suspend a seller',
    changeTheReservePrice: 'Change the lowest price of own energy',
    changeTheLeastSize: 'Change the least size',
    changeTheOperator: 'Change the operator',
    closeTheBus: 'Close the bus',
    approvalsForPausing: 'Approvals for pausing',
    seller: 'Seller',
    admitted: 'admitted',
    suspended: 'suspended',
    reservePrice: 'Own energy for at least',
    leastSize: 'Least size',
    operator: 'Operator',
    none: 'none',
    bus: 'Bus',
    closing: 'closing',
  },
  proposal: {
    theBusIsNotOn: 'The bus is not on this network any more.',
    onlyOwnersPropose: 'Only owners of the bus propose changes; connect an owner’s wallet.',
  },
  basketPanel: {
    bought: (energy: ReactNode, offers: number, paidFor: ReactNode) => (
      <>
        Bought {energy} from {counted(offers, 'offer')} {paidFor}.
      </>
    ),
    room: (count: number, room: number) => {
      const together =
        count === 1 ? 'This is one transaction' : `These ${count} offers are one transaction, all or nothing`;
      return room === 0 ? `${together}; it is full.` : `${together}; there is room for ${room} more at least.`;
    },
    thisOfferIsGoneIt: 'This offer is gone: it was sold out or withdrawn.',
    onlyOfThisOfferAre: (energy: string) => `Only ${energy} of this offer is left.`,
    theBasketIsEmptyChoose:
      'The basket is empty. Choose an offer and add part of it; everything here is bought in one go.',
    basket: 'Basket',
    oneTransactionCannotHoldSo:
      'One transaction cannot hold so many offers. Take some out and buy them afterwards; all that stays is bought together or not at all.',
    buyAllInOneTransaction: 'Buy all in one transaction',
    gone: 'Gone',
    perKwh: (amount: string) => `${amount} per kWh`,
    aGoneBus: 'a gone bus',
    takeTheOfferOfOut: (more: string) => `Take the offer of ${more} out of the basket`,
    thisOffer: 'this offer',
    energyFrom: (more: string) => `Energy from ${more}`,
  },
  bestPrice: {
    max: 'Max',
    youHave: (amount: string) => `You have ${amount}.`,
    buy: 'Buy',
    leftOut: (count: number) => `Left out, since buying from ${count === 1 ? 'it' : 'them'} fails now:`,
    buyEnergy: (energy: string, purchases: number) =>
      purchases > 1 ? `Buy ${energy} in ${purchases} purchases` : `Buy ${energy}`,
    buyAtTheBestPrice: 'Buy at the best price',
    anyAmountDownTo1: 'Any amount, down to 1\u00a0Wh.',
    whereToBuy: 'Where to buy',
    onBus: (bus: string) => `On ${bus}`,
    onBusesIChoose: 'On buses I choose',
    limits: 'Limits',
    highestPricePerKwh: 'Highest price per kWh',
    any: 'any',
    offersAboveItArePassed: 'Offers above it are passed over.',
    takeWhatIsThereIf: 'Take what is there if it is less',
    moreOffersThanOneTransaction: (count: number) =>
      `More offers than one transaction holds: ${count} purchases, each all or nothing, signed together in one go. You are told what became of each.`,
    busesToBuyFrom: 'Buses to buy from',
    chosenOffers: 'Chosen offers',
    from: 'From',
    purchaseOfFor: (more: number, count: number, energy: string, amount: string) =>
      `Purchase ${more} of ${count}: ${energy} for ${amount}`,
  },
  fillTable: {
    energy: 'Energy',
    perKwh: 'per kWh',
    cost: 'Cost',
    costIn: (token: string) => `Cost, ${token}`,
  },
  recovery: {
    unfinishedPurchases: 'Unfinished purchases',
    yourWalletSaidOtherwiseAnd: 'Your wallet said otherwise, and it happened all the same: ',
    yourPurchaseOfWentThrough: (more: ReactNode, title: string, more2: ReactNode) => (
      <>
        {more}Your purchase of {title} went through{more2}.
      </>
    ),
    yourPurchaseOfDidNot: (title: string) =>
      `Your purchase of ${title} did not happen and cannot happen any more; nothing was paid.`,
    yourBidIsMade: (more: ReactNode, title: string) => (
      <>
        {more}Your bid for {title} is made.
      </>
    ),
    yourBidDidNot: (title: string) =>
      `Your bid for ${title} was not made and cannot be made any more; nothing was deposited.`,
    whatBecameOfYourBid: (more: string, title: string) =>
      `${more} what became of your bid for ${title}. Nothing is deposited twice.`,
    dismiss: 'Dismiss',
    askingTheChain: 'Asking the chain',
    waitingForTheNetworkTo: 'Waiting for the network to ask',
    whatBecameOfYourPurchase: (more: string, title: string) =>
      `${more} what became of your purchase of ${title}. Nothing is paid twice.`,
  },
  fund: {
    whatIsMissing: 'What is missing',
    sendItTo: 'Send what is missing to this address, or scan the code with another wallet:',
    code: 'QR code of your address',
    fundIt: 'Get it from the local network',
    itIsThere: 'It is there.',
    theNodeGivesNoSol: 'The node gives no SOL. Use `multibus local fund` on the command line.',
    theNodeGivesNoTokens: (wallet: string, mint: string) =>
      `This node gives no tokens to a browser. Run: multibus local fund ${wallet} --mint ${mint} --amount 100tokens`,
  },
  totals: {
    delivered: 'Delivery',
    andMore: (count: number) => `and ${count} more`,
    exactly: 'In the smallest units',
    rent: 'Rent, comes back',
    ofItGridFee: 'Of it for the grid',
    rentOfYourRecord: 'Rent of your delivery record, returned later',
    priceGuard: 'Price guard',
    whatThePriceGuardIs:
      'How much more than is shown you would pay if prices rise before your purchase arrives. “exact” buys for what is shown, or not at all.',
    exact: 'exact',
    yourWalletHoldsThisCosts: (amount: string, amount2: string) =>
      `Your wallet holds ${amount}; this costs ${amount2}.`,
    for: (tokens: ReactNode) => <>for {tokens}</>,
    total: 'Total',
    averagePerKwh: 'Average per kWh',
    neverMoreThan: 'Never more than',
    baseUnits: (units: string) => `${units} base units`,
    marketFee: 'Market fee',
    none: 'none',
    purchaseLane: 'your purchase record',
    lamports: (units: string) => `${units}\u00a0lamports`,
    networkFee: 'Network fee',
    connectAWalletToSee: 'connect a wallet to see it',
    onceNothingIsMissing: 'told once nothing is missing',
    checking: 'checking…',
    rentOfYourComesBack: (account: string) => `Rent of ${account}, comes back`,
  },
  fresh: {
    theOffersHaveChangedSince:
      'The offers have changed since you looked, and nothing was signed. Look at what is chosen now, and buy again.',
  },
  outcomes: {
    bought: (energy: ReactNode, paidFor: ReactNode, bought: number, purchases: number) => (
      <>
        Bought {energy} {paidFor}
        {purchases > 1 && ` in ${bought === purchases ? '' : `${bought} of `}${purchases} purchases`}.
      </>
    ),
    purchase: (more: number, energy: string, more2: string) => `Purchase ${more}, ${energy}: ${more2}`,
    theThatRemainAreQuoted: (energy: string) => `The ${energy} that remains is quoted anew above.`,
  },
  payment: {
    tokensOfThisMarket: 'tokens of this market',
    yourWalletHoldsNoYet: (token: string) => `Your wallet holds no ${token} yet. Get some before you buy.`,
    yourAreFrozenByTheir: (token: string) =>
      `Your ${token} are frozen by their issuer. Ask the issuer to release them.`,
    yourWalletHoldsAndThis: (amount: string, amount2: string) =>
      `Your wallet holds ${amount}, and this costs ${amount2}.`,
  },
  plan: {
    theBasketIsEmptyAdd: 'The basket is empty; add an offer first.',
    on: (energy: string, buses: string, delivery: string | undefined) =>
      delivery === undefined ? `${energy} on ${buses}` : `${energy} on ${buses}, ${delivery}`,
  },
  purchase: {
    nothingWasBoughtTryAgain: 'Nothing was bought; try again.',
    yourPurchaseOfHappenedAfter: (title: string) =>
      `Your purchase of ${title} happened after all, though your wallet said otherwise. Nothing else was bought; look at it before you buy more.`,
    yourBidHappenedAfter: (title: string) =>
      `Your bid for ${title} was made after all, though your wallet said otherwise. Nothing else was signed; look at it before you bid or buy more.`,
    theNetworkDidNotTake: 'The network did not take it in time, so nothing happened; try again.',
  },
  quote: {
    thisTakesTransactionsAndCan: (count: number, value: number, energy: string) =>
      `This takes ${count} transactions, and ${value} can be signed at once; buy less, such as ${energy}.`,
    anOfferClosedWhileIt: 'An offer closed while it was quoted; quote it again.',
    nothingIsOnOfferWithin: 'Nothing is on offer within your limits now.',
    nothingThatYouCanBuy: 'Nothing that you can buy is on offer now.',
    areOnOffer: (energy: string) => `${energy} is on offer now; buy less.`,
    areOnOfferWithinYour: (energy: string) =>
      `${energy} is on offer within your limits now; buy less, or raise the limits.`,
    thePriceMovedThisCosts: (amount: string, amount2: string) =>
      `The price moved: this costs ${amount} now, and your limit is ${amount2}.`,
    thisOfferIsGoneIt: 'This offer is gone: it was sold out or withdrawn.',
    chooseAnother: (why: string) => `${why} Choose another.`,
    theSellerChangedThePrice: (amount: string, amount2: string) =>
      `The seller changed the price to ${amount} per kWh, above your limit of ${amount2}.`,
    somebodyWasFasterOfThis: (energy: string, energy2: string) =>
      `Somebody was faster: ${energy} of this offer is left, and you want ${energy2}.`,
    partsOfAtLeast: (energy: string) =>
      `This bus sells parts of at least ${energy}, or all that is left of an offer; buy more.`,
  },
  router: {
    askForAtLeast1: 'Ask for at least 1\u00a0Wh.',
    theSmallestAcceptableAmountMust: 'The smallest acceptable amount must be from 1\u00a0Wh to the wanted amount.',
    thereIsNotEnoughEnergy: 'There is not enough energy on offer within your limits.',
    theCostExceedsWhat64: 'The cost does not fit 64 bits; buy less at once.',
    evenTheSmallestAcceptableAmount: 'Even the smallest acceptable amount costs more than your limit.',
    thePartsAreTooSmall: 'The amount cannot be divided into parts that the offers sell; buy more.',
  },
  useBuyer: {
    connectAWalletThatSigns: 'Connect a wallet that signs for this network first.',
    theNetworkDoesNotAnswer: 'The network does not answer yet; try again in a moment.',
  },
  usePreview: {
    theNetworkDoesNotAnswer: 'The network does not answer; asking again…',
    yourWalletHasFeeAnd: (sol: string, sol2: string) => `Your wallet has ${sol}; fee and rent take ${sol2}. Add SOL.`,
  },
  mineScreen: {
    advanced: 'Advanced: lanes, records, rent',
    rentCanBeFetched: 'You can get rent back; it is listed under “Advanced”.',
    proven: (count: number) =>
      count === 1
        ? 'The purchase is proven by the root on chain.'
        : `All ${count} purchases are proven by the root on chain.`,
    missing: (count: number) =>
      `${counted(count, 'purchase')} ${count === 1 ? 'is' : 'are'} missing on this node; ask one that keeps the whole history.`,
    purchasesOf: (count: bigint) => counted(count, 'purchase'),
    myEnergy: 'My energy',
    connectAWalletToSee: 'Connect a wallet to see your buses, your offers, and what you hold and bought.',
    connectAWallet: 'Connect a wallet',
    onOffer: 'On offer',
    rentToGetBack: 'Rent that you can get back',
    wallet: 'Wallet',
    address: 'Address',
    forFeesAndRent: 'For fees and rent',
    tokens: 'Tokens',
    busesYouOwn: 'Buses you own',
    createABus: 'Create a bus',
    yourBuses: 'your buses',
    youOwnNoBus: 'You own no bus.',
    heldForYou: 'Held for you',
    whatYouHold: 'what you hold',
    youHoldNoEnergyHold: 'You hold no energy. “Hold 5 min” on an offer keeps its price for five minutes.',
    purchaseLanes: 'Purchase lanes',
    yourLanes: 'your lanes',
    yourFirstPurchaseOpensA: 'Your first purchase opens a lane. It makes every purchase happen exactly once.',
    theHashesDoNotMake: 'The hashes do not make the root on chain; do not trust this node’s history.',
    theLaneIsClosedIts: 'The lane is closed, its rent is back. It opens again with your next purchase.',
    lane: (lane: number, more: ReactNode) => (
      <>
        Lane {lane} {more}
      </>
    ),
    theNonceOfTheNext: 'The nonce of the next purchase',
    nextNonce: (more: string) => `next nonce ${more}`,
    checkTheHistory: 'Check the history',
    close: 'Close',
    canBeClosedAFew: 'can be closed a few minutes after it was opened',
    olderPurchases: 'Older purchases',
  },
  lanes: {
    thePurchaseLanesOfThis:
      'The purchase lanes of this wallet are in use; wait until your other purchases are through.',
  },
  treasury: {
    theTreasury: 'the treasury',
    gridFees: 'Grid fees',
    gridFeesWait: (tokens: ReactNode, who: ReactNode) => (
      <>
        {tokens} wait for {who}
      </>
    ),
    waitsFor: (tokens: ReactNode, who: ReactNode) => (
      <>
        {tokens} could not be paid now and wait for {who}, who can get them to any account.
      </>
    ),
    gridFeesWentTo: (tokens: ReactNode, who: ReactNode) => (
      <>
        {tokens} of grid fees went to {who}.
      </>
    ),
    treasury: 'Treasury',
    readingTheTreasury: 'Reading the treasury…',
    wentTo: (tokens: ReactNode, who: ReactNode) => (
      <>
        {tokens} went to {who}.
      </>
    ),
    holdsNow: 'Holds now',
    diverted: 'Waits beside it',
    whatDivertedIs:
      'Revenue that came while the treasury was frozen. It counts for the owners, and is paid with their next claim.',
    claims: 'Claims',
    owner: 'Owner',
    share: 'Share',
    mayClaim: 'May claim',
    claim: 'Claim',
    payOut: 'Pay out',
    left: 'left',
    whereOthersArePaid:
      '“Pay out” pays an owner’s usual token account. Where that cannot be paid, the amount waits for the owner, who can get it to any account.',
    claimedUnderTheseShares: 'Claimed under the present shares',
    ofEarlierShares: 'Owed from earlier shares',
    ownOffers: 'Sales of the bus itself',
    revenueCountsOnce: 'They count for the owners once they are in the treasury; anyone may move them there.',
  },
  verifyScreen: {
    print: 'Print the receipt',
    token: 'Token',
    receiptOf: (date: string) => `Receipt, ${date}`,
    from: 'From',
    delivered: 'Delivered',
    notNear:
      'No receipt on chain has this hash, and no purchase that this page knows. The chain keeps the last 16 receipts of a buyer, so it may be an older purchase of somebody else. All transactions of the market can tell; that takes a while.',
    lookThroughAll: 'Look through all transactions',
    stop: 'Stop',
    theLaneKeepsIt: 'The buyer’s lane on chain keeps the receipt of this purchase.',
    laterReceiptsTookIts:
      'Later purchases took the place of its receipt; the transaction tells of it, and the lane’s history can prove it.',
    checkAll: (count: number) => `Check all ${counted(count, 'purchase')} of the lane`,
    lookedAt: (count: number) => `${counted(count, 'transaction')} looked at`,
    proven: (count: number) =>
      count === 1
        ? 'The history root on chain proves it: the one purchase of this lane makes exactly this root.'
        : `The history root on chain proves it: all ${count} purchases of this lane make exactly this root.`,
    missing: (count: number) =>
      `${counted(count, 'purchase')} of this lane ${count === 1 ? 'is' : 'are'} missing on this node, so that its history root cannot be checked here; ask a node that keeps the whole history.`,
    verify: 'Verify',
    didItHappen: 'Did it happen?',
    askingTheChain: 'Asking the chain…',
    notProcessed: 'Not processed.',
    transactionHashOrSignature: 'Transaction hash or signature',
    theHashThatEveryPurchase: 'The hash that every receipt has in its details, or the signature of its transaction.',
    details: 'Details for checking: hash, signature, lane',
    processedExactlyOnce: 'Processed exactly once',
    transactionHash: 'Transaction hash',
    copyTheTransactionHash: 'Copy the transaction hash',
    buyer: 'Buyer',
    energy: 'Energy',
    paid: 'Paid',
    laneAndNonce: 'Lane and nonce',
    signature: 'Signature',
    copyTheSignature: 'Copy the signature',
    whatWasBought: 'What was bought',
    offer: 'Offer',
    historyRoot: 'History root on chain',
    copyTheHistoryRoot: 'Copy the history root on chain',
    computedRoot: 'Root that this node’s history makes',
    copyTheComputedRoot: 'Copy the root that this node’s history makes',
    theHistoryOfThisNode: 'The history of this node does not make the root on chain. Do not trust this node’s history.',
    theLaneWasClosedSince:
      'The lane was closed since, and its root with it; the transaction itself, which the network keeps, tells of this purchase.',
  },
  verify: {
    thisIsNeitherATransaction:
      'This is neither a transaction hash (64 hexadecimal digits) nor a signature (about 88 letters and digits). Paste one whole.',
    theNodeKnowsNoTransaction:
      'The node knows no transaction with this signature. Check the network and the signature.',
    theTransactionFailedSoThat: 'The transaction failed, so that nothing was bought or paid.',
    theTransactionSucceededAndThere: 'The transaction succeeded, and there is no purchase on MultiBus in it.',
    noPurchaseWithThisHash: 'No purchase with this hash has happened on this network.',
  },
  walletDialog: {
    browsersOfPhonesHaveNone:
      'Browsers of phones hold no wallet. Open this page in Phantom’s own browser, where your wallet is.',
    openInPhantom: 'Open in Phantom',
    getPhantom: 'Get Phantom',
    connect: 'Connect',
    walletAccount: (walletName: string, address: string) => `Wallet ${walletName}, account ${address}`,
    doesNotSignForThis: (walletName: string, more: string) =>
      `${walletName} does not sign for this network (${more}). Switch the network in the wallet, or choose another one here.`,
    accounts: 'Accounts',
    disconnect: 'Disconnect',
    connectAWallet: 'Connect a wallet',
    noWalletIsInstalledIn:
      'No wallet is installed in this browser. Install Phantom, or any other Solana wallet, and it appears here.',
    noWalletInThisBrowser:
      'No wallet in this browser can be used here. Install Phantom, or any other Solana wallet, and it appears here.',
    showsNoAccountUnlockIt: (walletName: string) => `${walletName} shows no account; unlock it and try again.`,
    youDeclinedIn: (walletName: string) => `You declined in ${walletName}.`,
    says: (walletName: string, wordsOf: string) => `${walletName} says: “${wordsOf}”.`,
    waitingForTheWallet: 'waiting for the wallet…',
    doesNotSignForThis2: 'does not sign for this network',
  },
  model: {
    theOwnersHavePausedThis: 'The owners have paused this bus.',
    thisOfferWasCancelled: 'This offer was cancelled.',
    thisOfferHasExpired: 'This offer has expired.',
    theGateOfThisWindow: 'Trading in this window has closed.',
    thisOfferIsSoldOut: 'This offer is sold out.',
    allThatIsLeftOf: 'Buyers hold all that is left of this offer.',
    tradesFrom: (time: string) =>
      `This offer of the bus trades from ${time} on: 120\u00a0seconds after it was listed, so that its owners see it first.`,
    belowTheReservePrice:
      'This offer of the bus asks less than the owners have decided; it trades once they reprice it.',
    youAreSuspended:
      'You are suspended as a seller on this bus, so that you can put no more energy on offer. What is on offer already goes on selling until you withdraw it. What you earned stays yours. Ask the owners or the operator to admit you again.',
    askToBeAdmitted: 'On this bus, sellers are admitted first: ask the owners or the operator to admit your wallet.',
    onlyOwnersList: 'Only owners may put energy on offer on this bus.',
    thisBusIsClosing: 'This bus is closing; nothing is offered or sold on it any more.',
  },
  errorBoundary: {
    thisScreenCouldNotBe: 'This screen could not be drawn',
    somethingInTheAppWent: (cause: string) =>
      `Something in the app went wrong: ${cause}. Your money is safe: purchases are paid by the chain, and those under way are still watched.`,
    loadThePageAnew: 'Load the page anew',
    toTheMarket: 'To the market',
    forgetMySettingsAndBasket: 'Forget my settings and basket, and start anew',
  },
  action: {
    somethingMovedInBetweenTrying: (more: string) =>
      `Something moved in between (${more}); trying again within your limits.`,
    checkingThatItWillGo: 'Checking that it will go through…',
    waitingForYourWallet: 'Waiting for your wallet…',
    theNodeIsAwaySoNothing: 'The network does not answer, so nothing was sent. Try again in a moment.',
    sentWaitingForTheNetwork: 'Sent; waiting for the network…',
    copyTheTransactionHash: 'Copy the transaction hash',
    dismiss: 'Dismiss',
    connectAWallet: 'Connect a wallet',
    doesNotAnswerYetSo: (networkName: string) => `${networkName} does not answer yet, so nothing can be signed.`,
    yourWallet: 'Your wallet',
    doesNotSignForSwitch: (more: string, networkName: string) =>
      `${more} does not sign for ${networkName}. Switch the network in the wallet, or choose another network here.`,
  },
  amounts: {
    baseUnits: (units: string) => `${units} base units`,
  },
  dialog: {
    close: 'Close',
  },
  fields: {
    unit: 'Unit',
    readAs: (energy: string) => `That is ${energy}.`,
  },
  parts: {
    opening: 'Opening…',
    you: 'You',
    copyTheAddress: 'Copy the address',
    copied: 'Copied',
    showMore: (left: number) => `Show more (${left} left)`,
    theNodeIsAwaySo: (what: string) => `The node is away, so ${what} cannot be read yet.`,
    reading: (what: string) => `Reading ${what}…`,
    notFound: 'Not found',
    toTheMarket: 'To the market',
  },
  time: {
    now: 'now',
    today: 'today',
    tomorrow: 'tomorrow',
    anyTime: 'any time',
    ago: (time: string) => `${time} ago`,
    expired: 'expired',
  },
  standard: {
    itSignsNoTransactionsFor: 'It signs no transactions for apps.',
    itDoesNotConnectTo: 'It does not connect to apps.',
    itSignsLegacyTransactionsOnly:
      'It signs legacy transactions only, and MultiBus needs version 0. Update the wallet, or use another one.',
  },
  purchases: {
    openReceipt: 'Receipt',
    purchases: 'Purchases',
    yours: 'your purchases',
    nothing: (link: ReactNode) => <>You have bought nothing yet. {link}</>,
    seeOffers: 'See what is on offer.',
    when: 'Bought',
    delivery: 'Delivery',
    energy: 'Energy',
    paid: 'Paid',
    receipt: 'Receipt',
    copyHash: 'Copy the transaction hash',
    baseUnits: (units: string) => `${units} base units`,
    csv: 'CSV',
    onAClosedBus: 'on a bus that has closed',
    showAll: 'Show all purchases from the chain',
    asking: 'Asking the chain for older purchases…',
    progress: (read: number, all: number) => `Reading older purchases: ${read} of ${all} transactions…`,
  },
  names: {
    add: 'Name an address',
    address: 'Address',
    names: 'Names',
    name: 'Name this address',
    yourName: 'Your name for it',
    example: 'Anna, no. 4',
    staysHere: 'It stays in this browser; nobody else sees it.',
    tooLong: (letters: number) => `At most ${letters} letters.`,
    keep: 'Keep the name',
    kept: (name: string) => `The name ${name} is kept.`,
    thisIsYou: 'This is your own address; this app calls it “You”.',
    forget: 'Forget the name',
    none: 'You have named nobody yet. The pen beside an address gives it a name of your own.',
    import: 'Import names',
    export: 'Export names',
    imported: (count: number) => `${counted(count, 'name')} imported.`,
    unreadable: (file: string) => `There are no names in ${file}; choose a file that this app has exported.`,
  },
  dayStrip: {
    when: 'When do you need it?',
    now: 'Now',
    hour: 'Next hour',
    tonight: 'Tonight',
    pick: 'Pick a time',
    any: 'Any time',
    closed: 'closed',
    nothing: 'nothing',
    pickOne: 'Pick one of the times below.',
    whenever: 'Whenever it is cheapest.',
    pricesAreIn: (unit: string) => `Prices are in ${unit}.`,
    noWindowThen: 'Nothing is on offer then.',
    nothingThen: (time: string) => `${time}: nothing is on offer.`,
    freeThen: (time: string, energy: string, price: string) => `${time}: ${energy} free, from ${price} per kWh.`,
  },
  sources: {
    unspecified: 'unspecified',
    solar: 'solar',
    wind: 'wind',
    hydro: 'hydro',
    biomass: 'biomass',
    storage: 'storage',
  },
  live: { theChainStartedAnew: 'the node’s chain has started anew' },
  follow: {
    endedASubscription: 'the node ended a subscription',
    noSubscription: (seconds: number) => `the node has taken no subscription in ${seconds}\u00a0seconds`,
    silent: (seconds: number) => `the node has been silent for ${seconds}\u00a0seconds`,
  },
  listings: {
    owners: 'owners only',
    admitted: 'owners and admitted sellers',
    open: 'everybody',
  },
  claim: {
    waitingForYou: 'Waiting for you',
    whatItIs:
      'This could not be paid to you when it was due, for instance since a token account was closed. Pull it whenever you like.',
    claims: 'Claims',
    wentTo: (tokens: ReactNode, who: ReactNode) => (
      <>
        {tokens} went to {who}.
      </>
    ),
    closedBus: (address: string) => `Closed bus ${address}`,
    pull: 'Get it',
    payOut: 'Pay out',
    owed: 'Owed and not paid yet',
    whatIsOwed: 'What could not be paid waits here for the wallets that it belongs to.',
    theBusIsNotKnown: 'What owes this is not known on this network any more.',
    aBusPullsNothing: 'A bus pulls nothing from a closed bus; what it is owed stays there.',
  },
  seller: {
    withdrawAll: 'Withdraw it all',
    withdrewAll: (amounts: ReactNode) => <>In your wallet now: {amounts}</>,
    moreIsLeftElsewhere: ' More did not fit into one transaction; withdraw again.',
    itsBooksAreOpen: 'Its delivery records are open; close them first.',
    itsMeterIsRegistered: 'Its meter is registered; the operator or the seller takes it away first.',
    itOwesGridFees: 'Its vault holds grid fees; pay them out first.',
    noGridFeesWait: 'No grid fees wait any more.',
    waitsForReadings: 'Waits for readings',
    ofTheGrid: 'For the grid',
    theAccountIsClosed: 'This seller account is closed.',
    thereIsNothingToWithdraw: 'There is nothing to withdraw now.',
    withdrawYourOffersFirst: 'Withdraw your offers first.',
    whileSuspendedItStays: 'A suspended seller’s account stays open.',
    itWasUsedAMomentAgo: 'It was used a moment ago; close it in a few minutes.',
    whatYouEarned: 'What you earned',
    moreIsLeft: (tokens: ReactNode) => <> {tokens} more did not fit into one transaction; withdraw again.</>,
    wentToTheTreasury: (tokens: ReactNode, more: ReactNode) => (
      <>
        {tokens} went to the treasury.{more}
      </>
    ),
    withdrew: (tokens: ReactNode, more: ReactNode) => (
      <>
        {tokens} are in your wallet.{more}
      </>
    ),
    theAccountIsClosedAndItsRentWent: (payer: ReactNode) => (
      <>The seller account is closed; its rent went back to {payer}, who paid it.</>
    ),
    itsRentGoesTo: (payer: ReactNode) => <>Where the account closes, its rent goes to {payer}, who paid it.</>,
    closingEndsAdmission: 'To sell here again, you have to be admitted again.',
    theAccountIsClosedIts: 'The seller account is closed; its rent came back.',
    paidElsewhere: (tokens: ReactNode, account: ReactNode, more: ReactNode) => (
      <>
        {tokens} are in the token account {account}.{more}
      </>
    ),
    theUsualIsBlocked:
      'Your usual token account takes no payment now. Under “What you earned” you can withdraw to another one.',
    someIsBlocked:
      ' Some of it could not be paid, because your usual account takes no payment: withdraw that under “What you earned”.',
    suspended:
      'You are suspended as a seller on this bus, so that you can put no more energy on offer. What is on offer already goes on selling until you withdraw it. What you earned stays yours: withdraw it whenever you like. Ask the owners or the operator to admit you again.',
    notInTheTreasury: 'Not in the treasury yet',
    yoursToWithdraw: 'Yours to withdraw',
    heldForLocks: 'Held for buyers',
    moveToTheTreasury: 'Move it to the treasury',
    withdraw: 'Withdraw',
    closeTheAccount: 'Close the seller account',
    closeForRent: (sol: string) => `Close the account, ${sol} comes back`,
    sellers: 'Sellers',
    nobodySellsYet: 'Nobody sells on this bus yet.',
    ownersDecideIt: 'Owners admit and suspend sellers by a decision, the operator at once.',
    isSuspended:
      'The seller is suspended. What it has on offer goes on selling until it is withdrawn; you can withdraw it.',
    isAdmitted: 'The seller is admitted.',
    badgeSuspended: 'suspended',
    mayList: 'may sell',
    notAdmitted: 'not admitted',
    offers: (count: number) => counted(count, 'offer'),
    admit: 'Admit',
    suspend: 'Suspend',
    walletToAdmit: 'Wallet to admit',
    admittingPaysRent: 'Admitting opens its seller account; you pay the rent and get it back when it closes.',
  },
  terms: {
    onPurchase: 'at the purchase',
    paid: (when: string) => `paid ${when}`,
    onDelivery: 'for what is delivered',
    paidAtOnce: 'The seller is paid as soon as you buy.',
    paidForDelivery: (time: string) =>
      `You pay now, and your money waits. The seller gets it for what a meter says was delivered; what is not delivered comes back to you, by ${time} at the latest.`,
    paidForDeliveryInPart: (some: number, all: number, time: string) =>
      `For ${some} of ${all} offers your money waits until a meter has said what was delivered, and what is not delivered comes back to you, by ${time} at the latest. The other sellers are paid as soon as you buy.`,
    sixHours: '6\u00a0hours',
    threeDays: '3 days',
    aGridFee: 'a grid fee per kWh',
    theGridFeeIsAtMost: (amount: string) => `The grid fee can be at most ${amount} per kWh.`,
    deliveryNeedsWindows: 'Paying for what is delivered needs delivery windows; choose their length.',
    deliveryNeedsAnOperator:
      'Paying for what is delivered needs an operator, who registers meters and reads where one is silent; name a wallet.',
    whenSellersArePaid: 'Sellers are paid',
    whatOnDeliveryIs:
      'What buyers pay waits until the seller’s meter has said what was delivered. The rest goes back to them.',
    whatOnPurchaseIs: 'The seller is paid at once, whatever is delivered.',
    readingDeadline: 'Time for the first reading',
    whatTheDeadlineIs: 'After the window has ended. Without a reading by then, nothing counts as delivered.',
    correctionTime: 'Time for corrections',
    whatCorrectionIs: 'After the first reading of a window. Then the money goes where the reading says.',
    gridFeePerKwh: 'Grid fee per kWh',
    noGridFee: 'none',
    whatTheGridFeeIs: 'Buyers pay it on top of the seller’s price; prices are shown with it.',
    whoGetsTheGridFee: 'Who gets the grid fees',
  },
  delivery: {
    theReadings: 'the readings',
    deliveries: 'Deliveries',
    boughtOrSold: 'Bought or sold',
    bought: 'Bought',
    sold: 'Sold',
    deliveredForCertain: 'Delivered for certain',
    heldUntilRead: 'Held until the readings are final',
    comesBack: 'Comes back to you now',
    cameBack: 'Came back to you',
    yoursNow: 'Yours now',
    released: 'Released to you',
    getTheRefund: 'Get it back',
    theRefundIsPaid: 'What was not delivered is paid back.',
    byWindow: 'By window',
    window: 'Window',
    promised: 'Promised',
    delivered: 'Delivered',
    paid: 'Paid',
    nothingWasSold: 'nothing was sold',
    earned: (tokens: ReactNode) => <>{tokens} earned</>,
    toWithdraw: (tokens: ReactNode) => <>{tokens} to withdraw</>,
    allDelivered: 'all delivered',
    refunded: (tokens: ReactNode) => <>{tokens} came back</>,
    toRefund: (tokens: ReactNode) => <>{tokens} to get back</>,
    held: (tokens: ReactNode) => <>{tokens} held</>,
    waitsForReading: (time: string) => `waits for a reading, until ${time}`,
    canBeCorrected: (time: string) => `can be corrected until ${time}`,
    waitsForAuction: 'waits until its auction is settled',
    isRunning: 'is being delivered',
    isAhead: 'not delivered yet',
    chart: (windows: number, promised: string, delivered: string) =>
      `Promised and delivered energy in ${counted(windows, 'window')}: ${promised} promised, ${delivered} delivered`,
    windowToRead: 'Window to read out',
    readout: (when: string, promised: string, delivered: string) =>
      `${when}: ${promised} promised, ${delivered} delivered`,
    readoutWaiting: (when: string, promised: string) => `${when}: ${promised} promised, no reading yet`,
    nothingWasBought: 'Nothing was bought in these windows.',
    nothingIsDueBack: 'Nothing is due back to you now.',
    nothingToSettle: 'Nothing waits here any more.',
    nothingToClose: 'No record can be closed now.',
    refundsGoThereAlready: 'Refunds go to this account already.',
    records: 'Delivery records',
    whatRecordsAre:
      'They keep what was bought and sold in windows that are paid for what is delivered. Whoever paid the rent of one gets it back when it closes.',
    openRecords: 'Open',
    rentBound: 'Rent returned later',
    closeRecords: (count: number) =>
      count === 1 ? 'Close it, its rent comes back' : `Close ${count}, their rent comes back`,
    recordsAreClosed: 'What could be closed is closed; the rent is back.',
    whereRefundsGo: 'Where refunds go',
    whatTheRefundAccountIs:
      'Refunds go to the token account that paid first. Name another one where that cannot be paid any more.',
    anotherRefundAccount: 'Another token account',
    useThisAccount: 'Use this account',
    useMyOwnAccount: 'Use my wallet’s own',
    refundsGoThereNow: 'Refunds go there from now on.',
    readings: 'Readings',
    noReadingIsMissing: 'No reading is missing now.',
    toSettle: 'Final and not settled',
    soldInIt: (energy: string) => `sold ${energy}`,
    missingUntil: (time: string) => `missing, until ${time}`,
    readUntil: (energy: string, time: string) => `${energy}, final ${time}`,
    bringASignedReading: 'Bring a signed reading',
    signedReading: 'Signed reading',
    whereItComesFrom: 'Paste what `multibus meter sign` has written. Anyone may bring it; its device has signed it.',
    bringIt: 'Bring it',
    thisIsNoReading: 'This is no signed reading; paste all of what `multibus meter sign` has written.',
    theReadingIsOfAnotherProgram: 'This reading is for another program than this app’s.',
    readIt: 'Read it',
    correctIt: 'Correct it',
    whatWasDelivered: 'What was delivered',
    readingsLeft: (count: number) =>
      `You may read this window ${count === 1 ? 'once' : `${count} times`} more; after your first reading the meter’s count no more.`,
    theDeviceCannot: (energy: string) => `The device cannot deliver more than ${energy} in this window.`,
    report: 'Report',
    readingIsTaken: (energy: string) => `The reading is taken: ${energy}.`,
    toPayOut: (seller: ReactNode, buyers: ReactNode) => (
      <>
        {seller} for the seller, {buyers} back to buyers
      </>
    ),
    settle: 'Pay everybody',
    isSettled: 'Paid: the seller’s part is released, and what was not delivered went back.',
  },
  certificate: {
    certificates: 'Certificates of origin',
    whatTheyAre:
      'Each says which device delivered how much energy, and when. Keep it, give it away, or retire it, which nobody can do twice.',
    yours: 'Your certificates',
    toTake: 'Certificates to take',
    takesRent: (sol: string) => `Taking one binds ${sol} as rent, returned when it is retired.`,
    notSold: 'not sold',
    take: 'Take it',
    isTaken: (energy: string) => `You have the certificate of ${energy}.`,
    give: 'Give',
    giveIt: 'Give it away',
    retire: 'Retire',
    retireIt: 'Retire it',
    energy: 'Energy',
    produced: 'Delivered',
    source: 'Source',
    device: 'Device',
    howMuch: 'How much of it',
    aPartBecomesItsOwn: 'A part becomes a certificate of its own.',
    itIsFor: (energy: string) => `It is for ${energy}; give at most that.`,
    toWhichWallet: 'To which wallet',
    isGiven: (energy: ReactNode, who: ReactNode) => (
      <>
        {energy} went to {who}.
      </>
    ),
    whatRetiringIs: 'Retiring uses it up for somebody, for good. Its rent comes back.',
    forWhom: 'For whom',
    everybodyCanReadIt: 'Everybody can read this name.',
    isRetired: (energy: string, who: string) => `The certificate of ${energy} is retired for ${who}.`,
    theBookIsClosed: 'The seller’s delivery record is closed, and with it the time for certificates is over.',
    sayForWhom: 'Say for whom it is retired.',
    atMost64Bytes: (length: number) => `At most 64\u00a0bytes; this has ${length}.`,
  },
  meter: {
    meters: 'Meters',
    whatTheOperatorDoes:
      'You register the device that measures what a seller delivers. Without one, nobody sells where sellers are paid for what is delivered.',
    theOperatorRegisters: 'The operator registers the devices that measure what sellers deliver.',
    none: 'no meter',
    upTo: (power: string) => `up to ${power}`,
    unit: 'kW',
    kw: (decimal: string) => `${decimal}\u00a0kW`,
    register: 'Register',
    replace: 'Replace',
    takeAway: 'Take away',
    isTakenAway: 'The meter is taken away. Windows that it was listed for keep it.',
    retired: (count: number) => `${counted(count, 'device')} measure nothing any more.`,
    closeThem: 'Get their rent back',
    theirRentIsBack: 'They are closed; the rent is back.',
    registerAMeter: 'Register a meter',
    replaceTheDevice: 'Replace the device',
    forSeller: (who: ReactNode) => <>For {who}.</>,
    whatReplacingDoes: 'Windows that are listed already keep the old device; later ones have the new one.',
    source: 'What it measures',
    power: 'Power',
    whatPowerIs: 'The most that the device can deliver. No more than that can be on offer, or be believed.',
    validFrom: (time: string) => `It measures windows from ${time} on.`,
    theDevicesKey: 'The device’s key',
    whyItSigns:
      'The device signs its registration, so that nobody registers another’s. Its key file is read in this browser, signs this one transaction, and is kept nowhere.',
    chooseTheKeyFile: 'Choose the key file',
    keyFile: 'Key file of the device',
    withoutGivingTheKey: 'Without giving the key to a browser',
    whereTheKeyIs: 'Run this where the key is, with the operator’s wallet:',
    copyTheCommand: 'Copy the command',
    takesRent: (sol: string) => `You pay ${sol} as rent, returned when the meter is taken away.`,
    isRegistered: 'The device is the seller’s meter now.',
    thisIsNoKeyFile: 'This is no key file: it has 64 numbers between brackets. Choose the file of the device’s key.',
    aPower: 'a power',
    kilowatts: 'Kilowatts',
    typeAPowerAboveZero: 'Type a power above zero.',
    thatIsTooMuch: 'That is more than a device can have.',
  },
  rates: {
    showValues: 'Show what it is worth in my currency',
    currency: 'Currency',
    aRate: 'a rate',
    oneTokenIs: (token: string) => `1 ${token} is worth`,
    whatARateIs: 'You give the rate; it stays in this browser. What you pay is counted in tokens alone.',
  },
  places: {
    favourite: 'Favourite',
    beginHere: 'Begin here',
  },
  welcome: {
    title: 'Energy from your neighbours',
    whatItIs:
      'Here neighbours buy and sell electricity from each other. You see the exact price before you pay, and every purchase happens once.',
    chooseYourNeighbourhood: 'Choose your neighbourhood',
    neighbourhood: 'Neighbourhood',
    theMarketBeginsThere: 'Here a neighbourhood is called a bus. The market begins at yours from now on.',
    chooseAWallet: 'Choose a wallet',
    whatAWalletIs: 'A wallet holds your money and signs for you. This app never has your keys.',
    buy: 'Say when and how much',
    howBuyingGoes: 'The best offers are put together, and you see what they cost before you sign.',
    begin: 'See what is on offer',
  },
  energyCard: {
    title: 'Bought and sold',
    howLong: 'How long',
    day: 'Day',
    week: 'Week',
    month: 'Month',
    before: 'Before that',
    after: 'After that',
    whatYouTraded: 'what you bought and sold',
    nothingThen: 'You bought and sold nothing then.',
    spent: 'Spent',
    earned: 'Earned',
    forYou: 'For you',
    withoutHoldingFees: 'Fees for energy that was held and given back are not counted here.',
    released: 'Released or came back',
    held: 'Held until the meter is read',
    chart: (side: string, energy: string, bars: number) => `${side}: ${energy} in ${counted(bars, 'bar')}`,
    barToRead: 'Bar to read out',
    readout: (when: string, energy: string, mix: string) => `${when}: ${energy}${mix === '' ? '' : ` (${mix})`}`,
    fromWhom: 'From whom',
    toWhom: 'To whom',
    nothingBought: 'You bought nothing then.',
    nothingSold: 'You sold nothing then.',
    notKnown: 'not known any more',
  },
  pastDecisions: {
    show: 'Show what was decided before',
    asking: 'Asking the chain for earlier decisions…',
    progress: (read: number, all: number) => `Reading earlier decisions: ${read} of ${all} transactions…`,
    none: 'Nothing was decided before.',
    decided: 'Earlier decisions',
    approved: (time: string) => (time === '' ? 'approved' : `approved, ${time}`),
    carriedOut: (time: string, who: ReactNode) => (
      <>
        Carried out {time} by {who}.
      </>
    ),
  },
  waiting: {
    refund: (amount: string) => `${amount} come back to you for energy that was not delivered.`,
    approve: (what: string, bus: string) => `${bus}: “${what}” waits for your approval.`,
    carryOut: (what: string, bus: string) => `${bus}: “${what}” is approved and can be carried out.`,
    withdraw: (amount: string, bus: string) => `${amount} that you earned on ${bus} are yours to withdraw.`,
    share: (amount: string, bus: string) => `${amount} are your share of what ${bus} earned.`,
    claim: (amount: string) => `${amount} could not be paid to you and wait.`,
    lockEnds: (energy: string, bus: string) =>
      `${energy} that you hold on ${bus} is free again soon. Buy it, or give it back.`,
    lockIsOver: (amount: string, bus: string) => `Your deposit of ${amount} on ${bus} waits: give back what you held.`,
    ended: (count: number, bus: string) =>
      `${counted(count, 'offer')} of yours on ${bus} ${count === 1 ? 'has' : 'have'} ended. Closing ${count === 1 ? 'it' : 'them'} brings the rent back.`,
    whatWaits: 'what waits for you',
    waits: 'things wait for you',
    several: (count: number) => `${count} things wait for you.`,
    nothing: 'Nothing waits for you.',
    lookAndDecide: 'Look at it and decide',
    isClaimed: 'Your share is in your wallet.',
    isClosed: 'What fits into one transaction is closed.',
    closeThem: (count: number) => (count === 1 ? 'Close it' : 'Close them'),
    tellMe: 'Tell me when something waits',
    tellNoMore: 'Tell me no more',
    theBrowserRefuses: 'Your browser does not allow notifications of this page; change that in its settings.',
    readings: (count: number, bus: string) =>
      `${counted(count, 'window')} on ${bus} ${count === 1 ? 'waits' : 'wait'} for a reading.`,
    readThem: 'Read the meters',
    bids: (count: number, bus: string) =>
      `${counted(count, 'bid')} of yours on ${bus} ${count === 1 ? 'is' : 'are'} decided: get what you bought, and what comes back.`,
    certificates: (count: number) => `You can take ${counted(count, 'certificate')} of origin.`,
    takeThem: 'Look at what you can take',
  },
  auction: {
    auction: 'Auction',
    bid: 'Bid',
    bidFor: (energy: string) => `Bid for ${energy}`,
    window: 'Delivery window',
    forWhichWindow: 'For which window',
    phases: {
      off: 'no auction',
      trading: 'open',
      closing: 'last minutes',
      fixed: 'waits for its price',
      cleared: 'decided',
      over: 'did not take place',
    },
    noAuction: 'No auction closes this window; buy from its offers.',
    belowTheBasePrice: (amount: string) =>
      `Bid at least ${amount} per kWh: the bus’s base price, and the grid fee on top.`,
    tooLarge: (energy: string) => `One bid can be for at most ${energy}: all that this window may sell.`,
    tooSmall: (energy: string) => `This bus takes bids from ${energy} up.`,
    tooMuch: 'That is more than a deposit can be; bid less.',
    nothingToSettle: 'There is nothing to settle now; somebody else may have done it a moment ago.',
    theBookIsNotKnown: 'Not all orders of this window are known here yet; try again in a moment.',
    theBookIsNotFixed: 'The book of this window is not fixed now: it still trades, or its auction is over.',
    nobodyBidsOrOffers: 'Nobody bids for this window or offers energy in it yet.',
    curves: (wanted: string, offered: string, volume: string, price: string) =>
      `${wanted} wanted and ${offered} offered; the curves cross at ${volume} and ${price} per kWh.`,
    curvesWithoutCrossing: (wanted: string, offered: string) =>
      `${wanted} wanted and ${offered} offered; the curves do not cross.`,
    wanted: 'Wanted at this price or above',
    offered: 'Offered at this price or below',
    perKwh: 'Per kWh',
    asATable: 'As a table',
    priceToRead: 'Price to read out',
    atAPrice: (price: string, wanted: string, offered: string) =>
      `At ${price} per kWh: ${wanted} wanted, ${offered} offered.`,
    decidedIn: (time: string, countdown: ReactNode) => (
      <>
        Decision: {time}, in {countdown}.
      </>
    ),
    untilThen: (time: string) =>
      `Until then offers sell as usual, and what is left goes to the bids, at one price for all. From ${time} on, bids and offers are only added, not withdrawn.`,
    lastMinutes: 'These are the last five minutes: bids and offers can be added or improved, and not withdrawn.',
    isFixed: (time: string) =>
      `The book is fixed: nothing in it changes until somebody proves the price. If nobody has by ${time}, all bids are returned.`,
    nobodyBid: 'Nobody bid for this window, so there was no auction.',
    nobodyOffered: 'Nothing was on offer when trading closed, so there was no auction. All bids are returned.',
    nobodyProved: 'Nobody proved the price within a day, so all bids are returned.',
    orders: (bids: number, wanted: string, asks: number, offered: string) =>
      `${counted(bids, 'bid')} for ${wanted}, ${counted(asks, 'offer')} of ${offered}.`,
    nothingWouldBeSold: 'If it ended now, nothing would be sold: no bid meets an offer.',
    ifItEndedNow: (price: ReactNode, energy: ReactNode) => (
      <>
        If it ended now: {energy} for {price} per kWh, for everybody.
      </>
    ),
    price: 'Price for all, per kWh',
    volume: 'Sold',
    rationing: 'At this price',
    allInFull: 'everybody got all of it',
    bidsGetAPart: (some: string, all: string) => `bids share ${some} of ${all}`,
    asksGetAPart: (some: string, all: string) => `sellers share ${some} of ${all}`,
    read: 'Delivered',
    readOf: (some: string, all: string) => `read so far: ${some} of ${all}`,
    deliveredOf: (some: string, all: string) => `${some} of ${all}`,
    nothingWasSold: 'No bid met an offer, so nothing was sold.',
    whatProvingIs: 'Anyone can prove the price: the chain counts all orders and takes no price but the right one.',
    costsAFee: 'It costs you a network fee.',
    takesTransactions: (orders: number, transactions: number) =>
      `${orders} orders take ${transactions} transactions, and a network fee each; your wallet signs up to ten at once. You can stop and go on later: what is counted stays counted.`,
    ordersCounted: (some: number, all: number) => `${some} of ${all} orders are counted.`,
    proveThePrice: 'Prove the price',
    priceIsProven: 'The price is proven. Each order can be settled now.',
    somebodyElseProved: 'Somebody else has proven the price. Each order can be settled now.',
    countIsLeftOver: 'Your own count of these orders is not needed any more. Close it, and its rent is yours again.',
    closeTheCount: 'Close the count',
    countIsClosed: 'The count is closed, and its rent is yours again.',
    comesToNothing: 'All orders together, as your browser counts them: no bid meets an offer, so nothing is sold.',
    comesTo: (price: ReactNode, energy: ReactNode) => (
      <>
        All orders together, as your browser counts them: {energy} for {price} per kWh, for everybody.
      </>
    ),
    toSettle: (count: number) => `${counted(count, 'payment')} can be settled. Anyone can do it, for everybody.`,
    settle: 'Settle',
    aPartIsSettled: 'What fits into one transaction is settled.',
    whatCheckingIs: 'You need not believe anybody: your browser computes the price from the orders.',
    checkItYourself: 'Check it yourself',
    historyIsUntold: 'The node does not have the history of this window any more, so nobody can check it here.',
    nothingSold: 'nothing sold',
    atThePrice: (energy: string, price: string) => `${energy} at ${price} per kWh`,
    fromAccounts: (bids: number, asks: number) =>
      `Computed from ${counted(bids, 'bid')} and ${counted(asks, 'offer')}, as they are on chain.`,
    fromHistory: (bids: number, asks: number) =>
      `Computed from ${counted(bids, 'bid')} and ${counted(asks, 'offer')}, as the chain’s history has them.`,
    isEqual: (result: string) => `Equal: ${result}, as the chain says.`,
    isDifferent: (computed: string, told: string) =>
      `Not equal: the orders come to ${computed}; the chain says ${told}.`,
    whatABidIs:
      'Say what energy is worth to you. When trading closes, one price is found for all; you never pay more than your limit.',
    noWindowToBidFor: 'No window takes bids now.',
    withdrawUntil: (time: string) => `You can withdraw the bid until ${time}.`,
    noWithdrawalNow: 'In the last five minutes before trading closes, bids cannot be withdrawn.',
    howMuch: 'How much you want',
    atMost: (energy: string) => `At most ${energy}.`,
    theMostPerKwh: 'The most you pay per kWh',
    allIncluded: 'All included.',
    feeIncluded: (amount: string) => `With the grid fee of ${amount}, which you pay in any case.`,
    deposit: 'Deposit',
    whatComesBack:
      'You deposit the most that it can cost. What the auction does not take comes back when your bid is settled.',
    whatOnDeliveryMeans: (time: string) =>
      `The rest waits for the meters: what is not delivered comes back too, by ${time} at the latest.`,
    nothingMeetsYou: 'If it ended now, you would get nothing: nobody offers energy at your price.',
    wouldGetNothing: (price: ReactNode) => (
      <>If it ended now, you would get nothing: the price would be {price} per kWh.</>
    ),
    wouldGet: (energy: ReactNode, price: ReactNode, paid: ReactNode) => (
      <>
        If it ended now, you would get {energy} for {paid}, at {price} per kWh.
      </>
    ),
    bidAndLane: 'your bid',
    bidIsMade: (energy: ReactNode, limit: ReactNode, time: string, link: ReactNode) => (
      <>
        You bid for {energy}, up to {limit} per kWh. Decision: {time}; see it in {link}.
      </>
    ),
    yourBids: 'Your bids',
    upTo: (limit: ReactNode, deposit: ReactNode) => (
      <>
        up to {limit} per kWh, deposit {deposit}
      </>
    ),
    getIt: 'Get what is yours',
    withdraw: 'Withdraw the bid',
    closeWithoutCertificate: 'Close without a certificate',
    toTheAuction: 'To the auction',
    isRefunded: 'What came back is in your wallet.',
    gotNothing: (back: ReactNode) => <>The auction gave you nothing; {back} come back.</>,
    got: (energy: ReactNode, paid: ReactNode, back: ReactNode) => (
      <>
        You get {energy} for {paid}; {back} come back.
      </>
    ),
    filled: (energy: ReactNode, paid: ReactNode) => (
      <>
        You got {energy} for {paid}.
      </>
    ),
    waitsForTheMeters: (time: string) =>
      `Your payment waits for the meters of all sellers of this auction, until ${time} at the latest.`,
    comesBack: (back: ReactNode) => <>{back} come back for what was not delivered.</>,
    refunded: (delivered: string, allotted: string, paid: ReactNode) => (
      <>
        {delivered} of {allotted} was delivered; you paid {paid}.
      </>
    ),
    certificateWaits: 'You can take a certificate of origin for it.',
    lastMinutesOfBid: 'In the last five minutes it cannot be withdrawn.',
    bidIsWithdrawn: (deposit: ReactNode) => <>The bid is withdrawn; {deposit} are back in your wallet.</>,
    bidIsClosed: 'The bid is closed, and its rent is yours again.',
    paysToTheUsual:
      'The token account that this bid names is closed, frozen or no longer yours. What comes back goes to your usual token account instead.',
    paysNowhere:
      'Neither the token account that this bid names nor your usual one can be paid now: closed, frozen, or it asks for memos. Name another one below. Without one the money is kept for you: in the bid, and once that closes as a claim.',
    bought: (energy: string, limit: string) => `Bid for ${energy}, up to ${limit} per kWh`,
    states: {
      open: 'not decided yet',
      withdrawn: 'withdrawn',
      nothing: 'got nothing; the deposit is back',
      waits: 'waits for the meters',
      final: 'settled',
    },
    inAuction: 'In the auction',
    asks: (energy: string, time: string) => `${energy} of it goes into the auction (${time}).`,
    asksNothing: (time: string) => `Nothing of it goes into the auction (${time}): it ends before, or is sold.`,
    askWaits: 'It is in the auction, and waits for its price.',
    askSells: (energy: ReactNode, price: ReactNode) => (
      <>
        The auction sells {energy} of it for {price} per kWh. Settle it to be paid.
      </>
    ),
    askGetsNothing: 'The auction sells nothing of it: the price is lower. You can withdraw it.',
    askIsSettled: 'The auction is settled. You can withdraw what is left.',
    cannotNow: {
      lastMinutes: 'In the last five minutes before trading closes, nothing is withdrawn.',
      fixed: 'The auction’s book is fixed until its price is proven; nothing is withdrawn now.',
      unsettled: 'The auction owes this offer a sale; settle it first.',
    },
    settleTheAsk: 'Settle the sale',
    saleIsSettled: 'The sale is settled.',
    onlyLower: 'In the last five minutes before trading closes, the price only goes down.',
    onlyLater: 'In the last five minutes before trading closes, the offer is only extended.',
    noPriceAfterTheGate: 'Once trading has closed, an offer keeps its price.',
    leftGoesIntoIt: (time: string) =>
      `What is not sold by ${time} goes into the auction that closes the window, at your price or above. In the last five minutes before that nothing is withdrawn.`,
    termsLabel: 'auction',
    closesEachWindow: 'An auction closes each window',
    whatTheAuctionIs:
      'Until trading closes, neighbours bid what energy is worth to them; then what is left is sold at one price, which the chain checks.',
    needsWindows: 'An auction closes delivery windows; choose their length.',
    needsTime:
      'With an auction, the time from the close of trading to the end of the window is at least 15\u00a0minutes; close earlier, or make the window longer.',
    withAuction: 'with an auction',
    withoutAuction: 'without an auction',
    receipt: 'Bid made exactly once',
    bidFor2: 'Bid for',
    limit: 'The most per kWh',
    outcome: 'What became of it',
    howItsAuctionWent: 'How its auction went',
  },
  payee: {
    usualIsMissing:
      'You have no account for this token, or it was closed. It is opened with this, for a small rent in SOL that comes back when you close it.',
    usualIsBlocked:
      'Your usual token account takes no payment now: it is frozen by the token’s issuer, is not yours any more, or asks for memos. Name another account; without one the money stays yours where it is.',
    payElsewhere: 'Pay it to another account',
    whatElsewhereIs:
      'Any token account of this token can be paid, also somebody else’s. What is paid there is not yours any more, so check the address. Left empty, it is paid to yours.',
    accountToPay: 'Token account to pay',
    theAccountCannotBePaid:
      'That is no token account of this token that can be paid: it is missing, frozen, of another token, or it asks for memos.',
    isPaidThere: 'It is in the token account that you named.',
  },
  /** Sentences of the program's errors about auctions, as its IDL has them, in the order of their codes. */
  auctionErrors: {
    auctionWithoutWindows: 'An auction closes delivery windows; give the terms windows, or no auction.',
    auctionTooShort: 'With an auction, gate closure and window together last at least 900 s; make one of them longer.',
    auctionOff: 'No auction closes this window; buy from its offers.',
    limitBelowBase: "The bid's limit less the grid fee is below the bus's base price; bid more.",
    bidTooLarge: "The bid is for more energy than the window's capacity; bid for less.",
    bidsFull: 'The window has 2^20 bids; bid in another window, or buy from its offers.',
    escrowMismatch: "The escrow account is not the bus's; pass the one that the bus names.",
    lastMinutes:
      'In the last 300 s before the gate of an auction, offers and bids are only added or improved; wait until the auction is over.',
    bookFixed:
      'The book of the auction is fixed; nothing in it changes until its price is proven, or until 24 hours after the gate.',
    auctionNotOver:
      'The auction is not over; wait until its price is proven and the orders of this seller are settled, or until 24 hours after the gate.',
    auctionNotCleared: 'The price of the auction is not proven; clear it first.',
    auctionNotFixed:
      'The window has no fixed book to clear: its gate is not there yet, its auction is over, or it has no bid or no offer.',
    pricesReversed:
      'The low price is above the high price; name the lowest and the highest price that clear the book, in this order.',
    orderForeign: 'The account is neither a bid nor an offer of this window; tally those alone.',
    orderNotAscending:
      'The orders are not in ascending order of their addresses after the last one; sort them, or open the clearing again.',
    ordersMissing: 'Not every bid and offer of the window was tallied; tally the rest, or open the clearing again.',
    priceWrong: 'The named prices do not clear the tallied book; open the clearing again with the right ones.',
    clearingInUse: 'The clearing is in progress and belongs to another wallet; wait until the auction is over.',
    clearingMismatch: 'The clearing is of another window or clearer; pass its own accounts.',
    bidBuyerMismatch: "The bid's buyer is another wallet; pass the wallet that the bid names.",
    askUnsettled: 'The auction owes this offer a fill; settle it first (anyone can).',
    askSettled: 'The auction has settled this offer already.',
    orderGetsNothing: 'The auction sells nothing of this offer, so it is free; cancel it.',
    nothingToSettle: 'The bid has nothing to pay or to return now; wait, or close it as its buyer.',
    poolIncomplete:
      'Not every seller of the auction has reported its window; refund the bid once the pool is complete.',
    poolOpen:
      'The delivery book has a window whose auction part is not reported or not paid; report it to the pool first (anyone can).',
    nothingToReport: "The seller's auction part of this window is reported and paid, or there is none.",
    windowHasBids: 'Bids of this window are still open; settle them first (anyone can).',
    escrowAccountsMissing:
      "What the auction's rounding left goes to the treasury; pass escrow, treasury and token program after the other accounts.",
  },
  closing: {
    books: 'Open delivery records',
    meters: 'Registered meters',
    closing: 'closing',
    closed: 'closed',
    thisBusIsClosing: 'This bus is closing',
    offers: 'Open offers',
    locks: 'Energy held',
    bids: 'Open bids',
    sellers: 'Open seller accounts',
    windows: 'Open windows',
    decisions: 'Open decisions',
    formerOwners: 'Former owners to pay',
    anyoneCanClose: 'Anyone can close what is over, step by step.',
    nothingElseIsOpen:
      'Nothing else is open: the bus can close. What its treasury holds is divided among its owners, who pull it whenever they like.',
    closeTheBus: 'Close the bus for good',
    closeWhatCanBe: 'Close what can be closed',
    theBusIsClosed: 'The bus is closed.',
    aPartIsClosed: 'A part of it is closed.',
    closedOn: (time: string) =>
      `This bus closed for good (${time}). It trades no more; what it owes can still be paid.`,
    creator: 'Created by',
    owed: 'What it still owes',
    allIsPaid: 'All that it owed is paid.',
    whatItMeans:
      'Its owners have decided to close it. Nothing opens and nothing is sold on it any more; everybody can still buy what they hold, withdraw and pull what is theirs.',
    nothingCanBeClosedYet: 'Nothing can be closed yet: wait until what is held is bought, given back or expired.',
  },
};

type Said<T> = T extends string
  ? string
  : T extends (...parameters: infer P) => infer R
    ? (...parameters: P) => R extends string ? string : ReactNode
    : { readonly [K in keyof T]: Said<T[K]> };

/** Words as every language has them: the same places, with the same parameters. */
export type Words = Said<typeof en>;
