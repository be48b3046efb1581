import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.List;


import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.BasicOCSPRespBuilder;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.CertificateStatus;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.OCSPRespBuilder;
import org.bouncycastle.cert.ocsp.RespID;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.crypto.engines.SM2Engine;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ParametersWithRandom;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.crypto.util.PublicKeyFactory;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.DigestCalculator;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampResponse;
import org.bouncycastle.tsp.TimeStampResponseGenerator;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.tsp.TimeStampTokenGenerator;

/**
 * BouncyCastle as the other side: one command a line ("name" and base64 arguments, separated by spaces), one answer a
 * line ("ok" and base64 results, or "error" and a reason in plain text). Keys are PKCS#8, everything else DER.
 */
public final class Peer {
    private static final String SM2 = "SM3WITHSM2";
    private static final Date START = new Date(1767225600000L); // 2026-01-01
    private static final Date END = new Date(1956528000000L); // 2032-01-01

    private Peer() {
    }

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(answer(line));
        }
    }

    private static String answer(String line) {
        String[] words = line.split(" ");
        List<byte[]> arguments = new ArrayList<>();
        for (int i = 1; i < words.length; i++) {
            arguments.add(Base64.getDecoder().decode(words[i].equals("-") ? "" : words[i]));
        }
        try {
            StringBuilder text = new StringBuilder("ok");
            for (byte[] result : run(words[0], arguments)) {
                text.append(' ').append(result.length == 0 ? "-" : Base64.getEncoder().encodeToString(result));
            }
            return text.toString();
        } catch (Throwable error) {
            return "error " + error.getClass().getSimpleName() + ": " + String.valueOf(error.getMessage()).replace('\n', ' ');
        }
    }

    private static List<byte[]> run(String name, List<byte[]> a) throws Exception {
        switch (name) {
            case "keypair": return keypair(text(a.get(0)));
            case "sign": return List.of(sign(a.get(0), a.get(1)));
            case "verify": return expect(verify(a.get(0), a.get(1), a.get(2)), "signature");
            case "encrypt": return List.of(encrypt(a.get(0), a.get(1)));
            case "decrypt": return List.of(decrypt(a.get(0), a.get(1)));
            case "self-signed": return List.of(certificate(a.get(0), a.get(1), null, text(a.get(2)), text(a.get(3))));
            case "certificate": return List.of(certificate(a.get(0), a.get(1), a.get(2), text(a.get(3)), text(a.get(4))));
            case "verify-certificate": return expect(verifyCertificate(a.get(0), a.get(1)), "certificate");
            case "request": return List.of(request(a.get(0), a.get(1), text(a.get(2))));
            case "verify-request": return expect(verifyRequest(a.get(0)), "request");
            case "crl": return List.of(crl(a.get(0), a.get(1), new BigInteger(text(a.get(2)), 16)));
            case "verify-crl": return verifyCrl(a.get(0), a.get(1), new BigInteger(text(a.get(2)), 16));
            case "ocsp": return List.of(ocsp(a.get(0), a.get(1), new BigInteger(text(a.get(2)), 16)));
            case "verify-ocsp": return verifyOcsp(a.get(0), a.get(1));
            case "cms": return List.of(cms(a.get(0), a.get(1), a.get(2), text(a.get(3)).equals("attached")));
            case "verify-cms": return verifyCms(a.get(0), a.size() > 1 ? a.get(1) : null);
            case "stamp": return List.of(stamp(a.get(0), a.get(1), a.get(2)));
            case "verify-stamp": return verifyStamp(a.get(0), a.get(1), a.get(2));
            default: throw new IllegalArgumentException("unknown command " + name);
        }
    }

    private static List<byte[]> expect(boolean good, String what) {
        if (!good) {
            throw new IllegalStateException("the " + what + " does not verify");
        }
        return List.of();
    }

    private static String text(byte[] data) {
        return new String(data, StandardCharsets.UTF_8);
    }

    // Keys and raw values

    private static List<byte[]> keypair(String kind) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(kind.equals("rsa") ? "RSA" : "EC", "BC");
        if (kind.equals("rsa")) {
            generator.initialize(2048);
        } else {
            generator.initialize(new ECGenParameterSpec(kind.equals("sm2") ? "sm2p256v1" : "secp256r1"));
        }
        KeyPair pair = generator.generateKeyPair();
        return List.of(pair.getPrivate().getEncoded(), pair.getPublic().getEncoded());
    }

    private static PrivateKey privateKey(byte[] pkcs8) throws Exception {
        String algorithm = SubjectAlgorithm.of(pkcs8, 1);
        return KeyFactory.getInstance(algorithm, "BC").generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
    }

    private static PublicKey publicKey(byte[] spki) throws Exception {
        return KeyFactory.getInstance(SubjectAlgorithm.of(spki, 0), "BC").generatePublic(new X509EncodedKeySpec(spki));
    }

    /** Tells RSA from EC by the AlgorithmIdentifier at a place in the outer SEQUENCE. */
    private static final class SubjectAlgorithm {
        static String of(byte[] der, int place) {
            ASN1Sequence outer = ASN1Sequence.getInstance(der);
            AlgorithmIdentifier id = AlgorithmIdentifier.getInstance(outer.getObjectAt(place));
            return id.getAlgorithm().getId().equals("1.2.840.113549.1.1.1") ? "RSA" : "EC";
        }
    }

    private static String signatureName(byte[] spkiOrKey, int place) {
        if (SubjectAlgorithm.of(spkiOrKey, place).equals("RSA")) {
            return "SHA256WITHRSA";
        }
        ASN1Sequence outer = ASN1Sequence.getInstance(spkiOrKey);
        AlgorithmIdentifier id = AlgorithmIdentifier.getInstance(outer.getObjectAt(place));
        return "1.2.156.10197.1.301".equals(String.valueOf(id.getParameters())) ? SM2 : "SHA256WITHECDSA";
    }

    private static byte[] sign(byte[] pkcs8, byte[] message) throws Exception {
        Signature signature = Signature.getInstance(signatureName(pkcs8, 1), "BC");
        signature.initSign(privateKey(pkcs8));
        signature.update(message);
        return signature.sign();
    }

    private static boolean verify(byte[] spki, byte[] message, byte[] value) throws Exception {
        Signature signature = Signature.getInstance(signatureName(spki, 0), "BC");
        signature.initVerify(publicKey(spki));
        signature.update(message);
        return signature.verify(value);
    }

    /** SM2Cipher of GM/T 0009 around the engine's C1C3C2. */
    private static byte[] encrypt(byte[] spki, byte[] plaintext) throws Exception {
        SM2Engine engine = new SM2Engine(SM2Engine.Mode.C1C3C2);
        engine.init(true, new ParametersWithRandom(PublicKeyFactory.createKey(spki), new SecureRandom()));
        byte[] raw = engine.processBlock(plaintext, 0, plaintext.length);
        ASN1EncodableVector parts = new ASN1EncodableVector();
        parts.add(new ASN1Integer(new BigInteger(1, slice(raw, 1, 33))));
        parts.add(new ASN1Integer(new BigInteger(1, slice(raw, 33, 65))));
        parts.add(new DEROctetString(slice(raw, 65, 97)));
        parts.add(new DEROctetString(slice(raw, 97, raw.length)));
        return new DERSequence(parts).getEncoded();
    }

    private static byte[] decrypt(byte[] pkcs8, byte[] cipher) throws Exception {
        ASN1Sequence parts = ASN1Sequence.getInstance(cipher);
        byte[] hash = ASN1OctetString.getInstance(parts.getObjectAt(2)).getOctets();
        byte[] body = ASN1OctetString.getInstance(parts.getObjectAt(3)).getOctets();
        byte[] raw = new byte[65 + hash.length + body.length];
        raw[0] = 4;
        coordinate(parts.getObjectAt(0), raw, 1);
        coordinate(parts.getObjectAt(1), raw, 33);
        System.arraycopy(hash, 0, raw, 65, hash.length);
        System.arraycopy(body, 0, raw, 65 + hash.length, body.length);
        SM2Engine engine = new SM2Engine(SM2Engine.Mode.C1C3C2);
        engine.init(false, (ECPrivateKeyParameters) PrivateKeyFactory.createKey(pkcs8));
        return engine.processBlock(raw, 0, raw.length);
    }

    private static void coordinate(ASN1Encodable value, byte[] into, int at) {
        byte[] octets = ASN1Integer.getInstance(value).getPositiveValue().toByteArray();
        int from = octets.length > 32 ? octets.length - 32 : 0;
        int length = octets.length - from;
        System.arraycopy(octets, from, into, at + 32 - length, length);
    }

    private static byte[] slice(byte[] data, int from, int to) {
        return java.util.Arrays.copyOfRange(data, from, to);
    }

    // Certificates and their status

    private static ContentSigner signer(byte[] pkcs8) throws Exception {
        return new JcaContentSignerBuilder(signatureName(pkcs8, 1)).setProvider("BC").build(privateKey(pkcs8));
    }

    private static byte[] certificate(byte[] key, byte[] spki, byte[] issuer, String name, String use) throws Exception {
        X500Name subject = new X500Name("C=CN,O=Interop,CN=" + name);
        X500Name by = issuer == null ? subject : new X509CertificateHolder(issuer).getSubject();
        BigInteger serial = new BigInteger(64, new SecureRandom()).setBit(62);
        X509v3CertificateBuilder builder =
            new X509v3CertificateBuilder(by, serial, START, END, subject, SubjectPublicKeyInfo.getInstance(spki));
        if (use.equals("ca")) {
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
        } else {
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature | KeyUsage.nonRepudiation));
        }
        if (use.equals("tsa")) {
            ExtendedKeyUsage purpose = new ExtendedKeyUsage(KeyPurposeId.id_kp_timeStamping);
            builder.addExtension(Extension.extendedKeyUsage, true, purpose);
        }
        return builder.build(signer(key)).getEncoded();
    }

    private static boolean verifyCertificate(byte[] certificate, byte[] issuer) throws Exception {
        X509CertificateHolder by = new X509CertificateHolder(issuer);
        return new X509CertificateHolder(certificate)
            .isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC").build(by));
    }

    private static byte[] request(byte[] key, byte[] spki, String name) throws Exception {
        X500Name subject = new X500Name("C=CN,O=Interop,CN=" + name);
        return new JcaPKCS10CertificationRequestBuilder(subject, publicKey(spki)).build(signer(key)).getEncoded();
    }

    private static boolean verifyRequest(byte[] der) throws Exception {
        PKCS10CertificationRequest request = new PKCS10CertificationRequest(der);
        return request.isSignatureValid(
            new JcaContentVerifierProviderBuilder().setProvider("BC").build(request.getSubjectPublicKeyInfo()));
    }

    private static byte[] crl(byte[] key, byte[] issuer, BigInteger serial) throws Exception {
        X509v2CRLBuilder builder = new X509v2CRLBuilder(new X509CertificateHolder(issuer).getSubject(), START);
        builder.setNextUpdate(END);
        builder.addCRLEntry(serial, START, CRLReason.keyCompromise);
        return builder.build(signer(key)).getEncoded();
    }

    private static List<byte[]> verifyCrl(byte[] der, byte[] issuer, BigInteger serial) throws Exception {
        X509CRLHolder crl = new X509CRLHolder(der);
        X509CertificateHolder by = new X509CertificateHolder(issuer);
        expect(crl.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC").build(by)), "CRL");
        return List.of((crl.getRevokedCertificate(serial) == null ? "good" : "revoked").getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] ocsp(byte[] key, byte[] issuer, BigInteger revoked) throws Exception {
        X509CertificateHolder by = new X509CertificateHolder(issuer);
        DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
        DigestCalculator sha1 = digests.get(CertificateID.HASH_SHA1);
        BasicOCSPRespBuilder builder = new BasicOCSPRespBuilder(new RespID(by.getSubject()));
        CertificateStatus status = new RevokedStatus(START, CRLReason.keyCompromise);
        builder.addResponse(new CertificateID(sha1, by, revoked), status, START, END);
        BasicOCSPResp basic = builder.build(signer(key), new X509CertificateHolder[0], START);
        return new OCSPRespBuilder().build(OCSPRespBuilder.SUCCESSFUL, basic).getEncoded();
    }

    private static List<byte[]> verifyOcsp(byte[] der, byte[] issuer) throws Exception {
        BasicOCSPResp basic = (BasicOCSPResp) new OCSPResp(der).getResponseObject();
        X509CertificateHolder by = basic.getCerts().length > 0 ? basic.getCerts()[0] : new X509CertificateHolder(issuer);
        if (basic.getCerts().length > 0) {
            expect(verifyCertificate(by.getEncoded(), issuer), "responder certificate");
        }
        expect(basic.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC").build(by)), "response");
        SingleResp single = basic.getResponses()[0];
        String status = single.getCertStatus() == CertificateStatus.GOOD ? "good" : "revoked";
        return List.of(status.getBytes(StandardCharsets.UTF_8));
    }

    // Messages and time

    private static byte[] cms(byte[] key, byte[] certificate, byte[] content, boolean attached) throws Exception {
        X509CertificateHolder holder = new X509CertificateHolder(certificate);
        X509Certificate signer = new JcaX509CertificateConverter().setProvider("BC").getCertificate(holder);
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
        generator.addSignerInfoGenerator(new JcaSignerInfoGeneratorBuilder(digests).build(signer(key), signer));
        generator.addCertificates(new JcaCertStore(List.of(signer)));
        return generator.generate(new CMSProcessableByteArray(content), attached).getEncoded("DER");
    }

    private static List<byte[]> verifyCms(byte[] der, byte[] content) throws Exception {
        CMSSignedData message =
            content == null ? new CMSSignedData(der) : new CMSSignedData(new CMSProcessableByteArray(content), der);
        int signers = 0;
        for (SignerInformation signer : message.getSignerInfos().getSigners()) {
            @SuppressWarnings("unchecked")
            Collection<X509CertificateHolder> found = message.getCertificates().getMatches(signer.getSID());
            X509CertificateHolder holder = found.iterator().next();
            expect(signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(holder)), "message");
            signers++;
        }
        return List.of(Integer.toString(signers).getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] stamp(byte[] key, byte[] certificate, byte[] request) throws Exception {
        X509CertificateHolder holder = new X509CertificateHolder(certificate);
        X509Certificate signer = new JcaX509CertificateConverter().setProvider("BC").getCertificate(holder);
        DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
        boolean gm = signatureName(key, 1).equals(SM2);
        ASN1ObjectIdentifier hash = new ASN1ObjectIdentifier(gm ? "1.2.156.10197.1.401" : "2.16.840.1.101.3.4.2.1");
        TimeStampTokenGenerator generator = new TimeStampTokenGenerator(
            new JcaSignerInfoGeneratorBuilder(digests).build(signer(key), signer),
            digests.get(new AlgorithmIdentifier(hash)), new ASN1ObjectIdentifier("1.2.3.4.1"));
        generator.addCertificates(new JcaCertStore(List.of(signer)));
        TimeStampRequest asked = new TimeStampRequest(request);
        TimeStampResponseGenerator answers = new TimeStampResponseGenerator(generator, java.util.Set.of(
            "1.2.156.10197.1.401", "2.16.840.1.101.3.4.2.1"));
        TimeStampResponse response = answers.generate(asked, BigInteger.valueOf(23), new Date());
        return response.getTimeStampToken().getEncoded("DER");
    }

    private static List<byte[]> verifyStamp(byte[] response, byte[] request, byte[] certificate) throws Exception {
        TimeStampResponse answer = new TimeStampResponse(response);
        answer.validate(new TimeStampRequest(request));
        TimeStampToken token = answer.getTimeStampToken();
        token.validate(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(new X509CertificateHolder(certificate)));
        return List.of(Long.toString(token.getTimeStampInfo().getGenTime().getTime()).getBytes(StandardCharsets.UTF_8));
    }
}
