// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

// A market as one writes it for the EVM: what a purchase of the original did, from its description. It spends the buyer's next
// nonce, refuses a hash that was processed, takes energy from an offer, pays the seller in an ERC-20 token, and keeps the whole
// transaction, under its hash and in the histories of the market, the buyer and the seller. It is here to be measured only.

contract Token {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            allowance[from][msg.sender] = allowed - value;
        }
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
        return true;
    }
}

contract Market {
    struct Offer {
        address seller;
        uint256 remainingWh;
        uint256 pricePerKwh;
    }

    struct EnergyTransaction {
        address buyer;
        address seller;
        uint256 offerId;
        uint256 energyWh;
        uint256 pricePerKwh;
        uint256 paid;
        uint256 nonce;
        uint256 purchasedAt;
    }

    Token public immutable token;
    Offer[] public offers;
    mapping(address => uint256) public nonces;
    mapping(bytes32 => bool) public processed;
    mapping(bytes32 => EnergyTransaction) public transactions;
    bytes32[] public history;
    mapping(address => bytes32[]) public historyOfBuyer;
    mapping(address => bytes32[]) public historyOfSeller;

    event EnergyPurchased(
        bytes32 indexed hash, address indexed buyer, address indexed seller, uint256 offerId, uint256 energyWh, uint256 paid
    );

    constructor(Token token_) {
        token = token_;
    }

    function list(uint256 energyWh, uint256 pricePerKwh) external returns (uint256 offerId) {
        offers.push(Offer(msg.sender, energyWh, pricePerKwh));
        return offers.length - 1;
    }

    function buy(uint256 offerId, uint256 energyWh, uint256 maxPricePerKwh, uint256 nonce) external returns (bytes32 hash) {
        Offer storage offer = offers[offerId];
        require(nonce == nonces[msg.sender], "nonce");
        require(energyWh > 0 && energyWh <= offer.remainingWh, "energy");
        require(offer.pricePerKwh <= maxPricePerKwh, "price");
        require(offer.seller != msg.sender, "own offer");
        hash = keccak256(abi.encode(msg.sender, nonce, offerId, energyWh, maxPricePerKwh));
        require(!processed[hash], "processed");
        uint256 paid = (energyWh * offer.pricePerKwh + 999) / 1000;
        nonces[msg.sender] = nonce + 1;
        processed[hash] = true;
        offer.remainingWh -= energyWh;
        transactions[hash] = EnergyTransaction(
            msg.sender, offer.seller, offerId, energyWh, offer.pricePerKwh, paid, nonce, block.timestamp
        );
        history.push(hash);
        historyOfBuyer[msg.sender].push(hash);
        historyOfSeller[offer.seller].push(hash);
        require(token.transferFrom(msg.sender, offer.seller, paid), "payment");
        emit EnergyPurchased(hash, msg.sender, offer.seller, offerId, energyWh, paid);
    }
}
