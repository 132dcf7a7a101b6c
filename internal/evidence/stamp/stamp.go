// Package stamp gets and checks time stamps (RFC 3161) of signatures: an authority's
// word that a signature existed at a time.
//
// Promises: a reply that Ask or Parse returned without an error grants a time stamp for
// that signature, and is signed by a certificate in it. Not promised: that anybody
// vouches for that certificate, unless CheckAuthority says so.
//
// The package holds no state, and asks nobody by itself.
package stamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

// MaxReply bounds the reply of an authority, in bytes.
const MaxReply = 1 << 20

// Ask gets a time stamp for a signature and returns the authority's whole reply,
// checked, and its time. ask sends a request.
func Ask(ctx context.Context, signature []byte, ask func(context.Context, []byte) ([]byte, error)) (reply []byte, at time.Time, err error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, at, err
	}
	request, err := timestamp.CreateRequest(bytes.NewReader(signature),
		&timestamp.RequestOptions{Hash: crypto.SHA512, Certificates: true, Nonce: nonce})
	if err != nil {
		return nil, at, err
	}
	if reply, err = ask(ctx, request); err != nil {
		return nil, at, err
	}
	stamp, err := Parse(reply, signature)
	if err != nil {
		return nil, at, err
	}
	if stamp.Nonce == nil || stamp.Nonce.Cmp(nonce) != 0 {
		return nil, at, errors.New("the reply is to another request")
	}
	return reply, stamp.Time, nil
}

// Parse checks that a reply grants a time stamp for a signature, and that it
// is signed by the certificate in it.
func Parse(reply, signature []byte) (*timestamp.Timestamp, error) {
	if len(reply) > MaxReply {
		return nil, errors.New("the reply is too long")
	}
	stamp, err := timestamp.ParseResponse(reply)
	if err != nil {
		return nil, fmt.Errorf("refused or malformed: %w", err)
	}
	sum := sha512.Sum512(signature)
	switch {
	case len(stamp.Certificates) == 0:
		return nil, errors.New("the reply has no certificate") // and its signature was not checked
	case stamp.HashAlgorithm != crypto.SHA512 || !bytes.Equal(stamp.HashedMessage, sum[:]):
		return nil, errors.New("the time stamp is for something else")
	}
	return stamp, nil
}

// CheckAuthority checks that a time stamp was signed by an authority that one of
// the roots vouches for, for time stamps, at its time.
func CheckAuthority(stamp *timestamp.Timestamp, roots *x509.CertPool) error {
	token, err := pkcs7.Parse(stamp.RawToken)
	if err != nil {
		return err
	}
	signer := token.GetOnlySigner()
	if signer == nil {
		return errors.New("it does not have exactly one signer")
	}
	between := x509.NewCertPool()
	for _, c := range token.Certificates {
		between.AddCert(c)
	}
	_, err = signer.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: stamp.Time,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	return err
}
